"""A false-positive mark raises the floor for what was marked alone: a client, a model, a network; not for a partner."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ADDED = ("client", "model", "network")
COMMENT = "Empty where the alert is about none."
FROM_ALERT = """
UPDATE alert_floor
SET client = coalesce(alert.client, ''), model = coalesce(alert.model, ''), network = coalesce(alert.network::text, '')
FROM alert WHERE alert.id = alert_floor.alert
"""


def upgrade() -> None:
    """Apply; the floors of sweeps were of shares, which nothing can be above."""
    op.execute("DELETE FROM alert_floor WHERE rule = 'sweep'")
    op.drop_constraint("pk_alert_floor", "alert_floor", type_="primary")
    for name in ADDED:
        op.add_column("alert_floor", sa.Column(name, sa.Text(), nullable=False, server_default="", comment=COMMENT))
        op.alter_column("alert_floor", name, server_default=None)
    op.execute(FROM_ALERT)
    op.create_primary_key("pk_alert_floor", "alert_floor", ["rule", "partner", *ADDED])
