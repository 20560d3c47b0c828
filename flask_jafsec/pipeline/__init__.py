"""The line a request walks: what it carries, the steps, and their order."""
