"""The steps of the schema's history, in order; a released step never changes."""
