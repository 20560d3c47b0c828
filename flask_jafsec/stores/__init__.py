"""Where records are kept: tables, memory and shared stores."""
