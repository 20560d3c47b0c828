"""Named keys, what is derived from them, and values sealed with them."""
