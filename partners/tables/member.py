"""Members: account, referral, settings, profile, and the little that outlives an erasure."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from partners.tables import internal, metadata, personal, shared
from partners.vocabulary import SENSITIVE_ITEMS, SUBS, ItemVisibility, MaskVisibility, ProfileItem, Visibility

ACCOUNT = "the life of the account"
HELD = "until the member registers, 30 days at most"


def _one_of(column: str, values: type[Visibility] | type[ItemVisibility] | type[MaskVisibility]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


member = Table(
    "member",
    metadata,
    Column(
        "number",
        BigInteger,
        Identity(always=True),
        primary_key=True,
        info=internal(),
        comment="The member's pseudonym in the access log and in refs; never used twice (R45).",
    ),
    Column("id", Text, nullable=False, unique=True, info=personal(ACCOUNT)),
    Column("username", Text, nullable=False, info=shared("R1, R12")),
    Column(
        "username_key",
        Text,
        nullable=False,
        unique=True,
        info=personal(ACCOUNT),
        comment="The username in NFC and casefolded: what look-ups and uniqueness compare.",
    ),
    Column("username_harmless", Boolean, nullable=False, info=personal(ACCOUNT), comment="R9"),
    Column("site", Text, nullable=False, info=shared("R1, R13")),
    Column("country", Text, nullable=False, info=shared("R1, R6")),
    Column("registered_at", DateTime(timezone=True), nullable=False, info=shared("R1")),
    Column("webmaster", ForeignKey("partner.number"), info=internal()),
    Column("campaign", ForeignKey("campaign.number"), info=shared("R1")),
    *(Column(sub, Text, info=shared("R1")) for sub in SUBS),
    Column("mask", Text, info=shared("R16, R18")),
    Column("regular_payer", Boolean, nullable=False, server_default=false(), info=shared("R15")),
    Column("device_type", Text, info=shared("R8, R36")),
    Column("device_os", Text, info=shared("R8, R36")),
    Column("device_browser", Text, info=shared("R8, R36")),
    Column(
        "device_seen_at",
        DateTime(timezone=True),
        nullable=False,
        server_default="infinity",
        info=personal("120 days after the last purchase (R36)"),
        comment="`infinity` while no device is stored: nothing there, nothing lapsed.",
    ),
    Column("profile_visibility", Text, nullable=False, server_default=Visibility.ALL_MODELS, info=personal(ACCOUNT)),
    Column("mask_visibility", Text, nullable=False, server_default=MaskVisibility.PUBLIC, info=personal(ACCOUNT)),
    Column("share_regular_payer", Boolean, nullable=False, server_default=true(), info=personal(ACCOUNT)),
    Column("affiliate_sharing", Boolean, nullable=False, server_default=true(), info=personal(ACCOUNT)),
    Column("loyalty_participation", Boolean, nullable=False, server_default=true(), info=personal(ACCOUNT)),
    Column("service_consent", Boolean, nullable=False, server_default=true(), info=personal(ACCOUNT)),
    Column("objecting", Boolean, nullable=False, server_default=false(), info=personal(ACCOUNT), comment="R52"),
    Column("restricted", Boolean, nullable=False, server_default=false(), info=personal(ACCOUNT), comment="R54"),
    Column(
        "erased",
        Boolean,
        nullable=False,
        server_default=false(),
        info=personal("until the erasure is carried out"),
        comment="An erasure has begun and binds; the row goes when it is settled (R50).",
    ),
    _one_of("profile_visibility", Visibility),
    _one_of("mask_visibility", MaskVisibility),
    Index(None, "webmaster", "registered_at", "number"),
)

profile = Table(
    "profile",
    metadata,
    Column("member", ForeignKey("member.number", ondelete="CASCADE"), primary_key=True, info=internal()),
    *(
        Column(
            item,
            LargeBinary if item in SENSITIVE_ITEMS else SmallInteger if item is ProfileItem.AGE else Text,
            info=shared("R24" if item in SENSITIVE_ITEMS else "R12, R23"),
            comment="Sealed at rest (R24)." if item in SENSITIVE_ITEMS else None,
        )
        for item in ProfileItem
    ),
    *(
        Column(
            f"{item}_visibility",
            Text,
            nullable=False,
            server_default=ItemVisibility.AS_PROFILE,
            info=personal(ACCOUNT),
        )
        for item in ProfileItem
    ),
    *(_one_of(f"{item}_visibility", ItemVisibility) for item in ProfileItem),
    Column(
        "present_since",
        JSONB,
        nullable=False,
        server_default="{}",
        info=personal(ACCOUNT),
        comment="Since when there is each item, by its name: who read before received none. None means always.",
    ),
)

purchase_total = Table(
    "purchase_total",
    metadata,
    Column("member", ForeignKey("member.number", ondelete="CASCADE"), primary_key=True, info=internal()),
    Column("count", BigInteger, nullable=False, server_default="0", info=shared("R1")),
    Column("credits", BigInteger, nullable=False, server_default="0", info=shared("R1")),
    Column("first_at", DateTime(timezone=True), info=shared("R1")),
    Column("last_at", DateTime(timezone=True), info=shared("R1")),
    Column(
        "amounts",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        info=shared("R1, R7"),
        comment="Currency to the sum in its minor unit, refunded purchases left out.",
    ),
    Column(
        "usage_clock_at",
        DateTime(timezone=True),
        nullable=False,
        info=personal(ACCOUNT),
        comment="The newest purchase, refunded or not, or the registration (R36, R37).",
    ),
    Column(
        "usage_kept_from",
        DateTime(timezone=True),
        nullable=False,
        server_default="-infinity",
        info=personal(ACCOUNT),
        comment="Usage data seen before this instant has lapsed for good (R36).",
    ),
    Column(
        "active_on",
        Date,
        info=personal(ACCOUNT),
        comment="The newest day of which usage data was removed in time: R44 asks how long ago that was.",
    ),
    comment="One row a member: what their purchases add up to, and the clock of usage data.",
)

member_stamp = Table(
    "member_stamp",
    metadata,
    Column("member", ForeignKey("member.number", ondelete="CASCADE"), primary_key=True, info=internal()),
    Column("attribute", Text, primary_key=True, info=internal()),
    Column("stamp", Text(collation="C"), nullable=False, info=personal(ACCOUNT)),
    comment="When each attribute was last written: the last writer wins, per attribute.",
)

held_setting = Table(
    "held_setting",
    metadata,
    Column("member_id", Text, primary_key=True, info=personal(HELD)),
    Column("attribute", Text, primary_key=True, info=internal()),
    Column("value", JSONB, nullable=False, info=personal(HELD)),
    Column("stamp", Text(collation="C"), nullable=False, info=personal(HELD)),
    Column("held_since", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    comment="Privacy settings that arrived before their member did (contract §9).",
)

former_username = Table(
    "former_username",
    metadata,
    Column("digest", LargeBinary, primary_key=True, info=personal("one year (R42)"), comment="Keyed hash only."),
    Column("blocked_until", DateTime(timezone=True), nullable=False, info=internal()),
    Column(
        "member",
        ForeignKey("member.number", ondelete="SET NULL"),
        index=True,
        info=internal(),
        comment="Whose it was: they may return to it, nobody else; nothing once they are erased.",
    ),
    Column("erased", Boolean, nullable=False, server_default=false(), info=internal()),
)

erased_member = Table(
    "erased_member",
    metadata,
    Column("digest", LargeBinary, primary_key=True, info=personal("ten years (R38)"), comment="Keyed hash only."),
    Column("erased_at", DateTime(timezone=True), nullable=False, info=internal()),
    comment="Whose events are refused. Deliberately without the member's number (R45).",
)
