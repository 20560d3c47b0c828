"""What surrounds a message: response headers and rules for other origins."""
