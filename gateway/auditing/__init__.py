"""How auditors look at the access log, by their tools and in the console alike; each look is on record."""
