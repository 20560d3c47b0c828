"""The commands under `flask jafsec`: one file for each noun."""
