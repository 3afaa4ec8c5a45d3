"""Alembic migrations; the tables they build are those of `partners.tables`."""
