"""What happened: purchases, relations with models, actions, spending, traffic, and which events were applied."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    false,
    func,
)

from partners.tables import internal, metadata, personal, shared
from partners.tables.member import ACCOUNT

TEN_YEARS = "ten years (R38)"

applied_event = Table(
    "applied_event",
    metadata,
    Column(
        "digest",
        Uuid,
        primary_key=True,
        info=internal(),
        comment="The first 128 bits of SHA-256 over source, U+001F and id.",
    ),
)

registration = Table(
    "registration",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column(
        "member",
        ForeignKey("member.number"),
        unique=True,
        info=internal(),
        comment="Nothing once the member is erased: what was counted stays countable, the link goes (R10, R45).",
    ),
    Column(
        "at",
        DateTime(timezone=True),
        nullable=False,
        info=personal(ACCOUNT),
        comment="After an erasure the quarter hour only, as statistics count it.",
    ),
    Column("webmaster", ForeignKey("partner.number"), info=internal()),
    Column("campaign", ForeignKey("campaign.number"), info=internal()),
    Column("site", Text, nullable=False, info=personal(ACCOUNT)),
    Column("country", Text, nullable=False, info=personal(ACCOUNT)),
    Column("device_type", Text, info=personal(ACCOUNT)),
    Column("counted", Boolean, nullable=False, info=internal()),
    Index(None, "webmaster", "at"),
    comment="A referred member's registration as it was when applied: the source of its statistics (R10).",
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("purchase_id", Text, primary_key=True, info=shared("R1")),
    Column("type", Text, primary_key=True, info=shared("R1, R7")),
    Column(
        "number",
        BigInteger,
        Identity(always=True),
        nullable=False,
        unique=True,
        info=internal(),
        comment="The order of recording; the feed writes one batch at a time, so also that of commits.",
    ),
    Column(
        "member",
        BigInteger,
        info=internal(),
        comment="Nothing once the member is erased: the money stays, the link goes (R38, R45).",
    ),
    Column(
        "owner_digest",
        LargeBinary,
        info=personal(TEN_YEARS),
        comment="After an erasure: keyed hash of purchase and subject, to match a later refund.",
    ),
    Column("at", DateTime(timezone=True), nullable=False, info=shared("R1, R7")),
    Column("credits", BigInteger, nullable=False, info=shared("R1, R7")),
    Column("amount", BigInteger, nullable=False, info=shared("R1, R7"), comment="In the currency's minor unit."),
    Column("currency", Text, nullable=False, info=shared("R1, R7")),
    Column("income", BigInteger, nullable=False, info=shared("R4"), comment="In the currency's minor unit."),
    Column("reason", Text, info=personal(TEN_YEARS), comment="Of a reversal; never shared (R7)."),
    Column("webmaster", ForeignKey("partner.number"), info=internal()),
    Column("campaign", ForeignKey("campaign.number"), info=internal()),
    Column("site", Text, nullable=False, info=personal(TEN_YEARS)),
    Column("country", Text, nullable=False, info=personal(TEN_YEARS)),
    Column("device_type", Text, info=personal(TEN_YEARS)),
    Column("first", Boolean, nullable=False, server_default=false(), info=internal()),
    Column("counted", Boolean, nullable=False, info=internal(), comment="Whether it stands in statistics (R10)."),
    Column(
        "booked_month",
        Date,
        nullable=False,
        info=internal(),
        comment="First day of the statement's month: that of `at`, or of application once that month was final.",
    ),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    Index(None, "member", "at"),
    Index(None, "webmaster", "number"),
    Index(None, "webmaster", "at", "number"),
    comment="Purchases and their reversals (negative figures). Append-only but for the link to an erased member.",
)

model = Table(
    "model",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("id", Text, nullable=False, unique=True, info=internal()),
    Column("name", Text, nullable=False, info=internal()),
    Column("stamp", Text(collation="C"), nullable=False, info=internal()),
)

relation = Table(
    "relation",
    metadata,
    Column("model", BigInteger, primary_key=True, info=internal()),
    Column("member", ForeignKey("member.number", ondelete="CASCADE"), primary_key=True, index=True, info=internal()),
    Column("favorite", Boolean, nullable=False, server_default=false(), info=shared("R12, R14")),
    Column("favorite_stamp", Text(collation="C"), info=personal(ACCOUNT)),
    Column("fan_club", Boolean, nullable=False, server_default=false(), info=shared("R12, R14")),
    Column("fan_club_stamp", Text(collation="C"), info=personal(ACCOUNT)),
    Column("gift_sent", Boolean, nullable=False, server_default=false(), info=shared("R12, R14")),
    Column("privately_chatted", Boolean, nullable=False, server_default=false(), info=personal(ACCOUNT)),
    comment="One row for each member a model has had to do with: any event naming both (R66).",
)

action = Table(
    "action",
    metadata,
    Column("model", BigInteger, primary_key=True, info=internal()),
    Column("member", ForeignKey("member.number", ondelete="CASCADE"), primary_key=True, info=internal()),
    Column("at", DateTime(timezone=True), primary_key=True, info=shared("R19, R36")),
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("action", Text, nullable=False, info=shared("R19, R36")),
    Index(None, "member"),
)

spending = Table(
    "spending",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("model", BigInteger, nullable=False, info=internal()),
    Column(
        "member",
        BigInteger,
        info=internal(),
        comment="Nothing once the member is erased: not even the lines of one person stay linked (R38).",
    ),
    Column("at", DateTime(timezone=True), nullable=False, info=shared("R20")),
    Column("feature", Text, nullable=False, info=shared("R20")),
    Column("credits", BigInteger, nullable=False, info=shared("R20")),
    Index(None, "model", "member", "at", "number"),
    Index(None, "member"),
    comment="A member's spending with a model, line by line; a financial record (R38).",
)

spending_total = Table(
    "spending_total",
    metadata,
    Column("model", BigInteger, primary_key=True, info=internal()),
    Column("member", ForeignKey("member.number", ondelete="CASCADE"), primary_key=True, info=internal()),
    Column("feature", Text, primary_key=True, info=shared("R20")),
    Column("count", BigInteger, nullable=False, info=shared("R20")),
    Column("credits", BigInteger, nullable=False, info=shared("R20")),
    Column("first_at", DateTime(timezone=True), nullable=False, info=shared("R20")),
    Column("last_at", DateTime(timezone=True), nullable=False, info=shared("R20")),
    Index(None, "member"),
    comment="The lines of `spending` added up by feature, kept with them.",
)

traffic = Table(
    "traffic",
    metadata,
    Column("campaign", ForeignKey("campaign.number"), primary_key=True, info=internal()),
    Column("slot", DateTime(timezone=True), primary_key=True, info=internal()),
    Column("clicks", Integer, nullable=False, info=internal()),
    Column("unique_clicks", Integer, nullable=False, info=internal()),
    Column("stamp", Text(collation="C"), nullable=False, info=internal()),
    comment="Clicks of a campaign by UTC quarter hour; guests leave nothing else (R39).",
)
