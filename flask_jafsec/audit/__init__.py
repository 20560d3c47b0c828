"""The audit trail: takes events, counts what repeats, feeds sinks off the request's time."""
