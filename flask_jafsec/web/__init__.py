"""The edge to Flask: the extension, its hooks and its decorators."""
