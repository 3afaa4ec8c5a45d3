"""The access log's spool: append-only files outside the database, and what they tell of it (ADR 21)."""
