"""The console in a real browser. A package, so that one server and one browser serve all of it."""
