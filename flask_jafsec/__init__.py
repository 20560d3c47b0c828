"""Security for Flask applications: who is calling, what they may do, and a record of it."""

__version__ = "0.1.0"
