"""Places events go to, one file each."""
