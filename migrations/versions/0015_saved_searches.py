"""Searches of the access log that the security team saves."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "saved_search",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partner", sa.BigInteger(), nullable=False, comment="Whose people see it."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False, comment="Never about a member: such a one is not saved."),
        sa.Column("person", sa.BigInteger(), nullable=False, comment="Who saved it."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_saved_search_partner")),
        sa.ForeignKeyConstraint(["person"], ["person.number"], name=op.f("fk_saved_search_person")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("partner", "name", name=op.f("uq_saved_search_partner_name")),
        comment="Searches of the access log that people of an auditor share.",
    )
    # No releasing statement reads it.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON saved_search TO {Role.WRITE}")
