"""What statistics and statements are read from: counters that are only added to, without a link to any member."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
    true,
)

from partners.tables import internal, metadata

KEY = ("webmaster", "slot", "campaign", "site", "country", "device_type", "currency")
"""What a counter is counted by."""


def _total(name: str, type_: type[Integer], comment: str | None = None) -> Column[int]:
    return Column(name, type_, nullable=False, server_default=text("0"), info=internal(), comment=comment)


statistic = Table(
    "statistic",
    metadata,
    Column("webmaster", ForeignKey("partner.number"), nullable=False, info=internal()),
    Column(
        "slot",
        DateTime(timezone=True),
        nullable=False,
        info=internal(),
        comment="Start of a UTC quarter hour: every zone's days are made of whole ones.",
    ),
    Column("campaign", ForeignKey("campaign.number"), info=internal()),
    Column("site", Text, nullable=False, info=internal()),
    Column("country", Text, nullable=False, info=internal()),
    Column("device_type", Text, info=internal()),
    Column("currency", Text, info=internal(), comment="Of what was bought; nothing for registrations."),
    _total("registrations", Integer),
    _total("first_purchases", Integer),
    _total("purchases", Integer),
    _total("credits", BigInteger),
    _total("amount", BigInteger, "Gross, in the currency's minor unit."),
    _total("refunds", Integer),
    _total("refunded_amount", BigInteger, "In the currency's minor unit."),
    _total("income", BigInteger, "Earned less reversed, in the currency's minor unit."),
    Index("ix_statistic_key", *KEY, unique=True, postgresql_nulls_not_distinct=True),
    comment="Counted events added up (R10): what counted when applied stays, whatever becomes of the member.",
)

statement_total = Table(
    "statement_total",
    metadata,
    Column("webmaster", ForeignKey("partner.number"), primary_key=True, info=internal()),
    Column("month", Date, primary_key=True, info=internal(), comment="First day of the month it is booked in."),
    Column("currency", Text, primary_key=True, info=internal()),
    _total("earned", BigInteger, "In the currency's minor unit."),
    _total("reversed", BigInteger, "In the currency's minor unit; never above zero."),
    comment="Income of all referred members, the withheld included, by month and currency and nothing else (R10).",
)

feed_progress = Table(
    "feed_progress",
    metadata,
    Column("singleton", Boolean, primary_key=True, server_default=true(), info=internal()),
    Column("through", DateTime(timezone=True), nullable=False, info=internal()),
    CheckConstraint("singleton", name="singleton"),
    comment="One row: the newest time of any event that was applied.",
)
