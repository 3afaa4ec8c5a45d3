"""What a webmaster may learn about the purchases of members it referred: figures, and whose they are."""

from sqlalchemy import func

from partners.tables.activity import ledger_entry
from partners.tables.member import member
from partners.tables.partner import campaign
from partners.vocabulary import SUBS, PartnerKind, Purpose
from serializers import webmaster
from serializers.policy.conditions import ALWAYS
from serializers.policy.declaration import Field, Policy
from serializers.policy.shapes import Instant, Money, Number, Ref, Text

POLICY = Policy(
    name="webmaster.purchases",
    title="What a webmaster may learn about purchases",
    audience=PartnerKind.WEBMASTER,
    operations=("purchases.list",),
    purpose=Purpose.INCOME,
    caller=webmaster.POLICY.caller,
    source=webmaster.POLICY.source.join(ledger_entry, ledger_entry.c.member == member.c.number),
    member=member.c.number,
    rows=webmaster.POLICY.rows,
    fields=(
        Field("id", ledger_entry.c.purchase_id, Text(), ALWAYS, "R1", "The purchase; its reversal has the same id."),
        Field("type", ledger_entry.c.type, Text(), ALWAYS, "R1", "`purchase` or `reversal`, without its reason (R7)."),
        Field("at", ledger_entry.c.at, Instant(), ALWAYS, "R1", "When it happened."),
        Field("ref", member.c.number, Ref(), ALWAYS, "R3", "The member, as in the list of members."),
        Field(
            "username",
            member.c.username,
            Text(),
            webmaster.username_does_not_identify,
            "R1, R9",
            "The member's username.",
        ),
        Field("campaign", campaign.c.code, Text(allow_none=True), ALWAYS, "R1", "The campaign of the referral."),
        *(
            Field(sub, member.c[sub], Text(allow_none=True), ALWAYS, "R1", f"Sub id {place} of the referral.")
            for place, sub in enumerate(SUBS, start=1)
        ),
        Field("credits", ledger_entry.c.credits, Number(), ALWAYS, "R1", "Credits; negative in a reversal."),
        Field(
            "amount",
            func.jsonb_build_array(ledger_entry.c.amount, ledger_entry.c.currency),
            Money(),
            ALWAYS,
            "R1, R7",
            "What was paid; negative in a reversal.",
        ),
        Field("currency", ledger_entry.c.currency, Text(), ALWAYS, "R1, R7", "ISO 4217."),
        Field(
            "income",
            func.jsonb_build_array(ledger_entry.c.income, ledger_entry.c.currency),
            Money(),
            ALWAYS,
            "R4",
            "What the webmaster earned; negative in a reversal.",
        ),
    ),
)
