"""Questions asked of a configured application; each answers with a list of messages."""
