"""The language in which the access log is searched: how it is read, what it means, and what auditors ask."""
