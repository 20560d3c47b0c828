"""Settings: read from mappings, checked all at once, frozen."""
