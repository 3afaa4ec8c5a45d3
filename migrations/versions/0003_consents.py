"""People who sign in, and what they allow third-party tools: consents, codes and refresh tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("person", "person_session", "pushed_request", "grant_family", "authorization_code", "refresh_token")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "person",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Text(), nullable=False, comment="As the access log names the person."),
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="For signing in; in lower case."),
        sa.Column(
            "password_hash", sa.Text(), nullable=True, comment="argon2id; nothing until the invitation is taken up."
        ),
        sa.Column(
            "sealed_factor", sa.LargeBinary(), nullable=True, comment="The secret of the one-time codes, encrypted."
        ),
        sa.Column(
            "factor_step", sa.BigInteger(), nullable=True, comment="The time step of the last code: each works once."
        ),
        sa.Column("wrong_codes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("invitation", sa.LargeBinary(), nullable=True, comment="SHA-256 of the token that sets it up."),
        sa.Column("invited_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_person_partner")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_person")),
        sa.UniqueConstraint("id", name=op.f("uq_person_id")),
        sa.UniqueConstraint("invitation", name=op.f("uq_person_invitation")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
        comment="Somebody who works for a partner; never a member.",
    )
    op.create_index(op.f("ix_person_partner"), "person", ["partner"], unique=False)
    op.create_table(
        "grant_family",
        sa.Column("id", sa.Text(), nullable=False, comment="The `fam` of every access token of this consent."),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False, comment="Who consented."),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True, comment="When the client last got a token."),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="Never extended."),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True, comment="What ended it."),
        sa.ForeignKeyConstraint(["client"], ["client.id"], name=op.f("fk_grant_family_client")),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_grant_family_partner")),
        sa.ForeignKeyConstraint(["person"], ["person.number"], name=op.f("fk_grant_family_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_family")),
        comment="One consent, and with it the family of tokens that come from it: they die together.",
    )
    op.create_index(op.f("ix_grant_family_client"), "grant_family", ["client"], unique=False)
    op.create_index(op.f("ix_grant_family_expires_at"), "grant_family", ["expires_at"], unique=False)
    op.create_index(op.f("ix_grant_family_partner"), "grant_family", ["partner"], unique=False)
    op.create_table(
        "person_session",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the cookie."),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.number"], name=op.f("fk_person_session_person")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_person_session")),
    )
    op.create_index(op.f("ix_person_session_person"), "person_session", ["person"], unique=False)
    op.create_table(
        "pushed_request",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the `request_uri`."),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["client.id"], name=op.f("fk_pushed_request_client")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pushed_request")),
        comment="Authorization requests that wait for the browser (RFC 9126); a row goes when it is used.",
    )
    op.create_index(op.f("ix_pushed_request_expires_at"), "pushed_request", ["expires_at"], unique=False)
    op.create_table(
        "authorization_code",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the code."),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False, comment="PKCE, S256."),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family"], ["grant_family.id"], name=op.f("fk_authorization_code_family"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_authorization_code")),
    )
    op.create_index(op.f("ix_authorization_code_family"), "authorization_code", ["family"], unique=False)
    op.create_table(
        "refresh_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the token."),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("predecessor", sa.LargeBinary(), nullable=True, comment="The digest of the token it was got by."),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True, comment="When it was first used."),
        sa.Column(
            "superseded_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When, unused, it was replaced by another successor of the same token.",
        ),
        sa.ForeignKeyConstraint(
            ["family"], ["grant_family.id"], name=op.f("fk_refresh_token_family"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_family"), "refresh_token", ["family"], unique=False)
    op.create_index(op.f("ix_refresh_token_predecessor"), "refresh_token", ["predecessor"], unique=False)
    # No releasing statement reads any of them.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO {Role.WRITE}")
