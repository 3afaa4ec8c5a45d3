"""The middle floor: what may be said, and in which words."""
