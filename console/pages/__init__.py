"""One module for each page: read input, ask one service, show the result."""
