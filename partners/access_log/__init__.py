"""The access log: who received which fields of whom, when, and why something was withheld."""
