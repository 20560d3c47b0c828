"""What happened, kept so that a change can be noticed; where it is kept is in stores."""
