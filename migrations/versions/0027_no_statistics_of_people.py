"""The planner samples nothing by which a person could be told: no vacuum would take it away (R18, R22, R50)."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_SUBS = ("sub1", "sub2", "sub3", "sub4", "sub5")
_ITEMS = (
    "nickname", "gender", "location", "sexual_preferences", "personal_specialty", "turn_ons", "dislikes", "occupation",
    "leisure", "feel_special",
)  # fmt: skip
_REASONS = ("authorization", "reason", "purpose", "extension_reason", "refusal_reason")
COLUMNS = {
    "member": ("id", "username", "username_key", "mask", *_SUBS),
    "profile": (*_ITEMS, "present_since"),
    "purchase_total": ("amounts",),
    "relation": ("favorite_stamp", "fan_club_stamp"),
    "member_stamp": ("stamp",),
    "held_setting": ("member_id", "value", "stamp"),
    "former_username": ("digest",),
    "erased_member": ("digest",),
    "ledger_entry": ("purchase_id", "owner_digest"),
    "rights_request": ("member_digest", *_REASONS),
    "concern": ("sealed_username",),
    "notice": ("sealed_subject",),
}
_CLEARS = 180_000
"""The version of PostgreSQL from which on whoever owns a table can have forgotten what was sampled of it."""
_CLEAR = sa.text("SELECT pg_clear_attribute_stats('public', CAST(:table AS text), CAST(:column AS text), false)")


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    clears = connection.scalar(sa.text("SELECT current_setting('server_version_num')::int")) >= _CLEARS
    for table, columns in COLUMNS.items():
        for column in columns:
            op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET STATISTICS 0')
            if clears:
                connection.execute(_CLEAR, {"table": table, "column": column})
