"""Alembic migrations; the tables they build are those of `partners.tables`."""


class UnknownRevisionError(Exception):
    """A database is at a migration that is not among these."""

    def __str__(self) -> str:
        """What to do about it."""
        return (
            "the database belongs to a newer version of the gateway; go on with that one, or restore the backup that "
            "was made before the upgrade"
        )
