"""The audit trail: takes events, counts what repeats, hands them to sinks off the request's time."""
