"""What a webmaster may learn about a member: six things, of members that this webmaster referred, and no more."""

from marshmallow import Schema

from partners import usage
from partners.instants import utc_day
from partners.standing import CALLER_NUMBER
from partners.tables.member import member, purchase_total
from partners.tables.partner import campaign
from partners.vocabulary import SUBS, PartnerKind, Purpose, Reason
from serializers.policy.conditions import ALWAYS, Atom
from serializers.policy.declaration import Field, Policy
from serializers.policy.shapes import Amounts, Day, Instant, Number, Object, ObjectOrNull, Ref, Text
from serializers.rights import RESPECTED_BY_EVERY_AUDIENCE

referred_by_this_webmaster = Atom(
    "referred_by_this_webmaster", member.c.webmaster == CALLER_NUMBER, Reason.NOT_REFERRED
)
does_not_object_to_promotion = Atom("does_not_object_to_promotion", member.c.objecting.is_(False), Reason.OBJECTION)
shares_with_affiliates = Atom("shares_with_affiliates", member.c.affiliate_sharing, Reason.OPTED_OUT)

username_does_not_identify = Atom("username_does_not_identify", member.c.username_harmless, Reason.USERNAME_IDENTIFYING)
device_still_kept = Atom("device_still_kept", usage.device_still_kept(), Reason.RETENTION_120_DAYS)


class Device(Schema):
    """Too coarse to follow a person (R8)."""

    type = Text(required=True, allow_none=True, metadata={"example": "mobile"})
    os = Text(required=True, allow_none=True, metadata={"example": "iOS"})
    browser = Text(required=True, allow_none=True, metadata={"example": "Mobile Safari"})


class CreditPurchases(Schema):
    """Purchases net of refunded ones, without the means of payment (R7)."""

    count = Number(required=True)
    credits = Number(required=True)
    first_at = Instant(required=True, allow_none=True)
    last_at = Instant(required=True, allow_none=True)
    amounts = Amounts(required=True)


class Referral(Schema):
    """The webmaster's own campaign and sub ids."""

    campaign = Text(required=True, allow_none=True)
    sub1 = Text(required=True, allow_none=True)
    sub2 = Text(required=True, allow_none=True)
    sub3 = Text(required=True, allow_none=True)
    sub4 = Text(required=True, allow_none=True)
    sub5 = Text(required=True, allow_none=True)


POLICY = Policy(
    name="webmaster",
    title="What a webmaster may learn about a member",
    audience=PartnerKind.WEBMASTER,
    operations=("members.list", "members.get"),
    purpose=Purpose.CAMPAIGNS,
    caller=(
        ("a token with `members:read`, of an active webmaster and client", "R26"),
        ("the current terms accepted", "R28"),
        ("inside the EEA, or with a recorded safeguard", "R29"),
    ),
    source=member.join(purchase_total, purchase_total.c.member == member.c.number).outerjoin(
        campaign, campaign.c.number == member.c.campaign
    ),
    member=member.c.number,
    rows=(
        referred_by_this_webmaster,  # R3
        *RESPECTED_BY_EVERY_AUDIENCE,  # R50, R54, R55
        does_not_object_to_promotion,  # R52
        shares_with_affiliates,  # R62, R63
    ),
    fields=(
        Field("ref", member.c.number, Ref(), ALWAYS, "R3", "An opaque reference, different for every webmaster."),
        Field("username", member.c.username, Text(), username_does_not_identify, "R1, R9", "The member's username."),
        Field(
            "registration_date",
            utc_day(member.c.registered_at),
            Day(),
            ALWAYS,
            "R1",
            "The UTC day of the registration.",
        ),
        Field("site", member.c.site, Text(), ALWAYS, "R1", "The site, the newest known."),
        Field("country", member.c.country, Text(), ALWAYS, "R1, R6", "ISO 3166-1 alpha-2, never finer."),
        Field(
            "device",
            {"type": member.c.device_type, "os": member.c.device_os, "browser": member.c.device_browser},
            ObjectOrNull(Device),
            device_still_kept,
            "R1, R8, R36, R37",
            "The device last seen, in three coarse words.",
        ),
        Field(
            "credit_purchases",
            {
                "count": purchase_total.c.count,
                "credits": purchase_total.c.credits,
                "first_at": purchase_total.c.first_at,
                "last_at": purchase_total.c.last_at,
                "amounts": purchase_total.c.amounts,
            },
            Object(CreditPurchases),
            ALWAYS,
            "R1, R7",
            "What the member's purchases add up to, refunded ones left out.",
        ),
        Field(
            "referral",
            {"campaign": campaign.c.code} | {sub: member.c[sub] for sub in SUBS},
            Object(Referral),
            ALWAYS,
            "R1",
            "The webmaster's own campaign and sub ids.",
        ),
    ),
)
