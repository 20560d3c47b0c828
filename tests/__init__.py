"""The tests; folders and names mirror the code."""
