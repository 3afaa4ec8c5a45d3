"""The ground floor: who the partners are, and what the platform has told us."""
