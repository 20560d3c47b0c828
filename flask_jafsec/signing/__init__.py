"""Signed requests: each request once, by whom it says, unchanged."""
