"""Where events are also sent to: one file for each kind of receiver."""
