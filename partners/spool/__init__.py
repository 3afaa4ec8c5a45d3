"""The access log's second sink: append-only files outside the database, and what they tell of it (ADR 21)."""
