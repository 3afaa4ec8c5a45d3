"""The access log in the formats of security tools."""
