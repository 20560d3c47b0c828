"""How often somebody may do something: rates and the arithmetic of buckets."""
