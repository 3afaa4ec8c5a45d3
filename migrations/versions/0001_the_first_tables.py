"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role
from partners.tables.access import TransactionId

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_log",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7 of `at`: an id alone finds its partition."),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=True),
        sa.Column("partner", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.Column(
            "verdicts",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Pairs of a verdict's condition bits and the number of members it was reached for.",
        ),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=False, comment="The exact bytes that are sealed."),
        sa.Column(
            "transaction",
            TransactionId(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
            comment="For sealing by snapshot horizon: ids are not in commit order.",
        ),
        sa.PrimaryKeyConstraint("at", "id", name=op.f("pk_access_log")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("ix_access_log_partner_at"), "access_log", ["partner", "at"], unique=False)
    op.create_index(op.f("ix_access_log_transaction"), "access_log", ["transaction"], unique=False)
    op.create_table(
        "access_network",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access", sa.Uuid(), nullable=False),
        sa.Column("ip", postgresql.INET(), nullable=True),
        sa.Column("salt", sa.Uuid(), nullable=False, comment="The leaf holds SHA-256 over salt and address."),
        sa.PrimaryKeyConstraint("at", "access", name=op.f("pk_access_network")),
        comment="Network data, apart from the record so that it can go after 120 days and leave every proof valid.",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("ix_access_network_ip_at"), "access_network", ["ip", "at"], unique=False)
    op.create_table(
        "access_subject",
        sa.Column("member", sa.BigInteger(), nullable=False, comment="The number, not the id (R45)."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "at", "access", name=op.f("pk_access_subject")),
        comment="Whom an access was about, by member: answers 'who saw this member' by index.",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("ix_access_subject_access_at"), "access_subject", ["access", "at"], unique=False)
    op.create_table(
        "applied_event",
        sa.Column(
            "digest", sa.Uuid(), nullable=False, comment="The first 128 bits of SHA-256 over source, U+001F and id."
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_applied_event")),
    )
    op.create_table(
        "denied_token",
        sa.Column("id", sa.Text(), nullable=False, comment="The `jti` of a revoked access token."),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_denied_token")),
    )
    op.create_table(
        "erased_member",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="Keyed hash only."),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_erased_member")),
        comment="Whose events are refused. Deliberately without the member's number (R45).",
    )
    op.create_table(
        "feed_progress",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("through", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("ck_feed_progress_singleton")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_feed_progress")),
        comment="One row: the newest time of any event that was applied.",
    )
    op.create_table(
        "held_setting",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stamp", sa.Text(collation="C"), nullable=False),
        sa.Column("held_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "attribute", name=op.f("pk_held_setting")),
        comment="Privacy settings that arrived before their member did (contract §9).",
    )
    op.create_table(
        "issuer",
        sa.Column("id", sa.Text(), nullable=False, comment="The `iss` of the session JWTs it signs."),
        sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer")),
    )
    op.create_table(
        "model",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stamp", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_model")),
        sa.UniqueConstraint("id", name=op.f("uq_model_id")),
    )
    op.create_table(
        "partner",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("safeguard", sa.Text(), nullable=True),
        sa.Column("terms_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_partner")),
        sa.UniqueConstraint("id", name=op.f("uq_partner_id")),
    )
    op.create_table(
        "policy_version",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False, comment="The canonical policy the version is a hash of."),
        sa.Column("activated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy_version")),
        comment="Append-only, so that the verdicts of every record stay explainable (R31).",
    )
    op.create_table(
        "rights_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "number", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="The order of recording."
        ),
        sa.Column(
            "member_digest",
            sa.LargeBinary(),
            nullable=False,
            comment="Keyed hash of the platform's id: a request outlives the erasure it asks for (R45).",
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column(
            "authorization", sa.LargeBinary(), nullable=True, comment="Sealed at rest: free text may name the person."
        ),
        sa.Column("reason", sa.LargeBinary(), nullable=True, comment="Sealed at rest: free text may name the person."),
        sa.Column("purpose", sa.LargeBinary(), nullable=True, comment="Sealed at rest: free text may name the person."),
        sa.Column(
            "extension_reason",
            sa.LargeBinary(),
            nullable=True,
            comment="Sealed at rest: free text may name the person.",
        ),
        sa.Column(
            "refusal_reason", sa.LargeBinary(), nullable=True, comment="Sealed at rest: free text may name the person."
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "bound_as",
            sa.Integer(),
            nullable=True,
            comment="The order in which the member's requests came to bind; the newest that was not refused decides.",
        ),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_request")),
        sa.UniqueConstraint("number", name=op.f("uq_rights_request_number")),
    )
    op.create_index(
        op.f("ix_rights_request_member_digest_number"), "rights_request", ["member_digest", "number"], unique=False
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Text(), nullable=False, comment="RFC 7638 thumbprint, the `kid`."),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed_private", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="pending, active, retiring or retired"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "spending",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model", sa.BigInteger(), nullable=False),
        sa.Column(
            "member",
            sa.BigInteger(),
            nullable=True,
            comment="Nothing once the member is erased: not even the lines of one person stay linked (R38).",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_spending")),
        comment="A member's spending with a model, line by line; a financial record (R38).",
    )
    op.create_index(op.f("ix_spending_member"), "spending", ["member"], unique=False)
    op.create_index(
        op.f("ix_spending_model_member_at_number"), "spending", ["model", "member", "at", "number"], unique=False
    )
    op.create_table(
        "spent_assertion",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the assertion's `jti`."),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client", "digest", name=op.f("pk_spent_assertion")),
    )
    op.create_index(op.f("ix_spent_assertion_expires_at"), "spent_assertion", ["expires_at"], unique=False)
    op.create_table(
        "campaign",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_campaign_partner")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_campaign")),
        sa.UniqueConstraint("partner", "code", name=op.f("uq_campaign_partner_code")),
    )
    op.create_table(
        "client",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("auth_method", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "allowed_networks", postgresql.ARRAY(postgresql.CIDR()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("redirect_uris", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="Raised by suspension and by every narrowing: tokens carry it, so older ones die at once.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_client_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_index(op.f("ix_client_partner"), "client", ["partner"], unique=False)
    op.create_table(
        "partner_limit",
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("work", sa.Text(), nullable=False),
        sa.Column("rate", sa.Text(), nullable=False, comment="Such as `100/minute`."),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_partner_limit_partner")),
        sa.PrimaryKeyConstraint("partner", "work", name=op.f("pk_partner_limit")),
    )
    op.create_table(
        "statement_total",
        sa.Column("webmaster", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="First day of the month it is booked in."),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "earned",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="In the currency's minor unit.",
        ),
        sa.Column(
            "reversed",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="In the currency's minor unit; never above zero.",
        ),
        sa.ForeignKeyConstraint(["webmaster"], ["partner.number"], name=op.f("fk_statement_total_webmaster")),
        sa.PrimaryKeyConstraint("webmaster", "month", "currency", name=op.f("pk_statement_total")),
        comment="Income of all referred members, the withheld included, by month and currency and nothing else (R10).",
    )
    op.create_table(
        "client_secret",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of a 256-bit random secret."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["client"], ["client.id"], name=op.f("fk_client_secret_client")),
        sa.PrimaryKeyConstraint("client", "digest", name=op.f("pk_client_secret")),
    )
    op.create_table(
        "issuer_client",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["client.id"], name=op.f("fk_issuer_client_client")),
        sa.ForeignKeyConstraint(["issuer"], ["issuer.id"], name=op.f("fk_issuer_client_issuer")),
        sa.PrimaryKeyConstraint("issuer", "client", name=op.f("pk_issuer_client")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column(
            "number",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="The order of recording; the feed writes one batch at a time, so also that of commits.",
        ),
        sa.Column(
            "member",
            sa.BigInteger(),
            nullable=True,
            comment="Nothing once the member is erased: the money stays, the link goes (R38, R45).",
        ),
        sa.Column(
            "owner_digest",
            sa.LargeBinary(),
            nullable=True,
            comment="After an erasure: keyed hash of purchase and subject, to match a later refund.",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="In the currency's minor unit."),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("income", sa.BigInteger(), nullable=False, comment="In the currency's minor unit."),
        sa.Column("reason", sa.Text(), nullable=True, comment="Of a reversal; never shared (R7)."),
        sa.Column("webmaster", sa.BigInteger(), nullable=True),
        sa.Column("campaign", sa.BigInteger(), nullable=True),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("device_type", sa.Text(), nullable=True),
        sa.Column("first", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False, comment="Whether it stands in statistics (R10)."),
        sa.Column(
            "booked_month",
            sa.Date(),
            nullable=False,
            comment="First day of the statement's month: that of `at`, or of application once that month was final.",
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.number"], name=op.f("fk_ledger_entry_campaign")),
        sa.ForeignKeyConstraint(["webmaster"], ["partner.number"], name=op.f("fk_ledger_entry_webmaster")),
        sa.PrimaryKeyConstraint("purchase_id", "type", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("number", name=op.f("uq_ledger_entry_number")),
        comment="Purchases and their reversals (negative figures). Append-only but for the link to an erased member.",
    )
    op.create_index(op.f("ix_ledger_entry_member_at"), "ledger_entry", ["member", "at"], unique=False)
    op.create_index(
        op.f("ix_ledger_entry_webmaster_at_number"), "ledger_entry", ["webmaster", "at", "number"], unique=False
    )
    op.create_index(op.f("ix_ledger_entry_webmaster_number"), "ledger_entry", ["webmaster", "number"], unique=False)
    op.create_table(
        "member",
        sa.Column(
            "number",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="The member's pseudonym in the access log and in refs; never used twice (R45).",
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column(
            "username_key",
            sa.Text(),
            nullable=False,
            comment="The username in NFC and casefolded: what look-ups and uniqueness compare.",
        ),
        sa.Column("username_harmless", sa.Boolean(), nullable=False, comment="R9"),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("webmaster", sa.BigInteger(), nullable=True),
        sa.Column("campaign", sa.BigInteger(), nullable=True),
        sa.Column("sub1", sa.Text(), nullable=True),
        sa.Column("sub2", sa.Text(), nullable=True),
        sa.Column("sub3", sa.Text(), nullable=True),
        sa.Column("sub4", sa.Text(), nullable=True),
        sa.Column("sub5", sa.Text(), nullable=True),
        sa.Column("mask", sa.Text(), nullable=True),
        sa.Column("regular_payer", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("device_type", sa.Text(), nullable=True),
        sa.Column("device_os", sa.Text(), nullable=True),
        sa.Column("device_browser", sa.Text(), nullable=True),
        sa.Column(
            "device_seen_at",
            sa.DateTime(timezone=True),
            server_default="infinity",
            nullable=False,
            comment="`infinity` while no device is stored: nothing there, nothing lapsed.",
        ),
        sa.Column("profile_visibility", sa.Text(), server_default="all_models", nullable=False),
        sa.Column("mask_visibility", sa.Text(), server_default="public", nullable=False),
        sa.Column("share_regular_payer", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("affiliate_sharing", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("loyalty_participation", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("service_consent", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("objecting", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="R52"),
        sa.Column("restricted", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="R54"),
        sa.Column(
            "erased",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="An erasure has begun and binds; the row goes when it is settled (R50).",
        ),
        sa.CheckConstraint(
            "mask_visibility IN ('public', 'private_chatted', 'private')", name=op.f("ck_member_mask_visibility")
        ),
        sa.CheckConstraint(
            "profile_visibility IN ('all_models', 'private_chatted', 'private')",
            name=op.f("ck_member_profile_visibility"),
        ),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.number"], name=op.f("fk_member_campaign")),
        sa.ForeignKeyConstraint(["webmaster"], ["partner.number"], name=op.f("fk_member_webmaster")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_member")),
        sa.UniqueConstraint("id", name=op.f("uq_member_id")),
        sa.UniqueConstraint("username_key", name=op.f("uq_member_username_key")),
    )
    op.create_index(
        op.f("ix_member_webmaster_registered_at_number"),
        "member",
        ["webmaster", "registered_at", "number"],
        unique=False,
    )
    op.create_table(
        "statistic",
        sa.Column("webmaster", sa.BigInteger(), nullable=False),
        sa.Column(
            "slot",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Start of a UTC quarter hour: every zone's days are made of whole ones.",
        ),
        sa.Column("campaign", sa.BigInteger(), nullable=True),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("device_type", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True, comment="Of what was bought; nothing for registrations."),
        sa.Column("registrations", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_purchases", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("purchases", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "amount",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Gross, in the currency's minor unit.",
        ),
        sa.Column("refunds", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "refunded_amount",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="In the currency's minor unit.",
        ),
        sa.Column(
            "income",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Earned less reversed, in the currency's minor unit.",
        ),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.number"], name=op.f("fk_statistic_campaign")),
        sa.ForeignKeyConstraint(["webmaster"], ["partner.number"], name=op.f("fk_statistic_webmaster")),
        comment="Counted events added up (R10): what counted when applied stays, whatever becomes of the member.",
    )
    op.create_index(
        "ix_statistic_key",
        "statistic",
        ["webmaster", "slot", "campaign", "site", "country", "device_type", "currency"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "traffic",
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("unique_clicks", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.number"], name=op.f("fk_traffic_campaign")),
        sa.PrimaryKeyConstraint("campaign", "slot", name=op.f("pk_traffic")),
        comment="Clicks of a campaign by UTC quarter hour; guests leave nothing else (R39).",
    )
    op.create_table(
        "action",
        sa.Column("model", sa.BigInteger(), nullable=False),
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["member.number"], name=op.f("fk_action_member"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "member", "at", "number", name=op.f("pk_action")),
    )
    op.create_index(op.f("ix_action_member"), "action", ["member"], unique=False)
    op.create_table(
        "former_username",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="Keyed hash only."),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "member",
            sa.BigInteger(),
            nullable=True,
            comment="Whose it was: they may return to it, nobody else; nothing once they are erased.",
        ),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"], ["member.number"], name=op.f("fk_former_username_member"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_former_username")),
    )
    op.create_index(op.f("ix_former_username_member"), "former_username", ["member"], unique=False)
    op.create_table(
        "member_stamp",
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("stamp", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["member.number"], name=op.f("fk_member_stamp_member"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member", "attribute", name=op.f("pk_member_stamp")),
        comment="When each attribute was last written: the last writer wins, per attribute.",
    )
    op.create_table(
        "profile",
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("nickname", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("age", sa.SmallInteger(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("sexual_preferences", sa.LargeBinary(), nullable=True, comment="Sealed at rest (R24)."),
        sa.Column("personal_specialty", sa.Text(), nullable=True),
        sa.Column("turn_ons", sa.LargeBinary(), nullable=True, comment="Sealed at rest (R24)."),
        sa.Column("dislikes", sa.LargeBinary(), nullable=True, comment="Sealed at rest (R24)."),
        sa.Column("occupation", sa.Text(), nullable=True),
        sa.Column("leisure", sa.Text(), nullable=True),
        sa.Column("feel_special", sa.Text(), nullable=True),
        sa.Column("nickname_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("gender_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("age_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("location_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("sexual_preferences_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("personal_specialty_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("turn_ons_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("dislikes_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("occupation_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("leisure_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.Column("feel_special_visibility", sa.Text(), server_default="as_profile", nullable=False),
        sa.CheckConstraint(
            "age_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_age_visibility"),
        ),
        sa.CheckConstraint(
            "dislikes_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_dislikes_visibility"),
        ),
        sa.CheckConstraint(
            "feel_special_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_feel_special_visibility"),
        ),
        sa.CheckConstraint(
            "gender_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_gender_visibility"),
        ),
        sa.CheckConstraint(
            "leisure_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_leisure_visibility"),
        ),
        sa.CheckConstraint(
            "location_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_location_visibility"),
        ),
        sa.CheckConstraint(
            "nickname_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_nickname_visibility"),
        ),
        sa.CheckConstraint(
            "occupation_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_occupation_visibility"),
        ),
        sa.CheckConstraint(
            "personal_specialty_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_personal_specialty_visibility"),
        ),
        sa.CheckConstraint(
            "sexual_preferences_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_sexual_preferences_visibility"),
        ),
        sa.CheckConstraint(
            "turn_ons_visibility IN ('as_profile', 'all_models', 'private_chatted', 'private')",
            name=op.f("ck_profile_turn_ons_visibility"),
        ),
        sa.ForeignKeyConstraint(["member"], ["member.number"], name=op.f("fk_profile_member"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_profile")),
    )
    op.create_table(
        "purchase_total",
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "amounts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Currency to the sum in its minor unit, refunded purchases left out.",
        ),
        sa.Column(
            "usage_clock_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The newest purchase, refunded or not, or the registration (R36, R37).",
        ),
        sa.Column(
            "usage_kept_from",
            sa.DateTime(timezone=True),
            server_default="-infinity",
            nullable=False,
            comment="Usage data seen before this instant has lapsed for good (R36).",
        ),
        sa.ForeignKeyConstraint(
            ["member"], ["member.number"], name=op.f("fk_purchase_total_member"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_purchase_total")),
        comment="One row a member: what their purchases add up to, and the clock of usage data.",
    )
    op.create_table(
        "registration",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "member",
            sa.BigInteger(),
            nullable=True,
            comment="Nothing once the member is erased: what was counted stays countable, the link goes (R10, R45).",
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="After an erasure the quarter hour only, as statistics count it.",
        ),
        sa.Column("webmaster", sa.BigInteger(), nullable=True),
        sa.Column("campaign", sa.BigInteger(), nullable=True),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("device_type", sa.Text(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.number"], name=op.f("fk_registration_campaign")),
        sa.ForeignKeyConstraint(["member"], ["member.number"], name=op.f("fk_registration_member")),
        sa.ForeignKeyConstraint(["webmaster"], ["partner.number"], name=op.f("fk_registration_webmaster")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_registration")),
        sa.UniqueConstraint("member", name=op.f("uq_registration_member")),
        comment="A referred member's registration as it was when applied: the source of its statistics (R10).",
    )
    op.create_index(op.f("ix_registration_webmaster_at"), "registration", ["webmaster", "at"], unique=False)
    op.create_table(
        "relation",
        sa.Column("model", sa.BigInteger(), nullable=False),
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("favorite", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("favorite_stamp", sa.Text(collation="C"), nullable=True),
        sa.Column("fan_club", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("fan_club_stamp", sa.Text(collation="C"), nullable=True),
        sa.Column("gift_sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("privately_chatted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["member.number"], name=op.f("fk_relation_member"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "member", name=op.f("pk_relation")),
        comment="One row for each member a model has had to do with: any event naming both (R66).",
    )
    op.create_index(op.f("ix_relation_member"), "relation", ["member"], unique=False)
    op.create_table(
        "spending_total",
        sa.Column("model", sa.BigInteger(), nullable=False),
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"], ["member.number"], name=op.f("fk_spending_total_member"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model", "member", "feature", name=op.f("pk_spending_total")),
        comment="The lines of `spending` added up by feature, kept with them.",
    )
    op.create_index(op.f("ix_spending_total_member"), "spending_total", ["member"], unique=False)
    _create_roles()


def _create_roles() -> None:
    """Neither role may change or remove a record; what the releasing role may read follows from the policies."""
    for role in Role:
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {Role.WRITE}")
    for table in ("access_log", "access_subject", "access_network", "policy_version"):
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {Role.WRITE}")
    for table in ("access_log", "access_subject", "access_network"):
        op.execute(f"GRANT INSERT ON {table} TO {Role.RELEASE}")
