"""Usernames that were stored as harmless were judged anew here; 0029 does it by the rules of today (R9)."""

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave it to 0029."""
