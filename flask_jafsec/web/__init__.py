"""Where Flask lives: the extension, the gate around the application, and its hooks."""
