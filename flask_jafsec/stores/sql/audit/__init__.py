"""The audit log in SQL: one file for each way of using its tables."""
