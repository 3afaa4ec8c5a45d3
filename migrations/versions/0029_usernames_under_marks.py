"""Usernames that were stored as harmless are judged anew: combining marks hide no number and no address (R9)."""

import sqlalchemy as sa
from alembic import op

from partners.usernames import harmless

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_AT_ONCE = 10_000
_HARMLESS = sa.text("SELECT number, username FROM member WHERE username_harmless")
_WITHHOLD = sa.text("UPDATE member SET username_harmless = false WHERE number = ANY(:numbers)")


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    with connection.execute(_HARMLESS.execution_options(yield_per=_AT_ONCE)) as stored:
        numbers = [number for number, username in stored if not harmless(username)]
    connection.execute(_WITHHOLD, {"numbers": numbers})
