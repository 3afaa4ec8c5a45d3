"""The prepared statements of webmasters: members by ref and in lists, and the purchase log."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Text,
    and_,
    bindparam,
    case,
    func,
    select,
    true,
    tuple_,
)

from partners.instants import start_of_utc_day
from partners.postgres.literals import text_literal
from partners.standing import CALLER_NUMBER
from partners.tables.activity import ledger_entry
from partners.tables.member import member
from partners.tables.partner import campaign
from partners.vocabulary import Reason
from serializers import purchases, webmaster
from serializers.policy.release import Look, Page, release_one, release_page
from serializers.policy.schema import schema_of
from serializers.statements.prepared import LIMIT, Prepared, prepared

MemberRow = schema_of(webmaster.POLICY, "MemberRow")
PurchaseRow = schema_of(purchases.POLICY, "PurchaseRow")


def _by_ref() -> Look:
    """Parameters `ref_partner` and `ref_member`: what the ref stands for, NULL where it was not made here."""
    partner, number = bindparam("ref_partner", type_=BigInteger), bindparam("ref_member", type_=BigInteger)
    return Look(
        up=and_(member.c.number == number, partner == CALLER_NUMBER),
        missing=case(
            (partner.is_(None), text_literal(Reason.UNKNOWN)),
            (partner != CALLER_NUMBER, text_literal(Reason.NOT_REFERRED)),
            # A ref of the caller's own was given for a member that once was.
            else_=text_literal(Reason.ERASED),
        ),
    )


MEMBER_BY_REF = prepared(release_one(webmaster.POLICY, _by_ref()), MemberRow)


@dataclass(frozen=True)
class MembersShape:
    """Which clauses a member list has: the filters that are set, the direction, and whether it starts at a cursor."""

    filters: frozenset[str] = frozenset()
    descending: bool = True
    continued: bool = False
    bulk: bool = False
    """Whether a page has thousands of rows."""


_MEMBER_KEYS = (member.c.registered_at, member.c.number)

_MEMBER_FILTERS = {
    "campaign": campaign.c.code == bindparam("campaign", type_=Text),
    "site": member.c.site == bindparam("site", type_=Text),
    "country": member.c.country == bindparam("country", type_=Text),
    "registered_from": member.c.registered_at >= start_of_utc_day(bindparam("registered_from", type_=Date)),
    "registered_to": member.c.registered_at < start_of_utc_day(bindparam("registered_to", type_=Date) + 1),
}
"""By parameter: over what is never withheld alone (R61)."""

MEMBER_FILTERS = frozenset(_MEMBER_FILTERS)
_AFTER = tuple_(bindparam("after_at", type_=DateTime(timezone=True)), bindparam("after_number", type_=BigInteger))


@cache
def members_page(shape: MembersShape) -> Prepared:
    """The statement of a member list of this shape, made when first asked for; there are at most 256.

    Parameters: `limit`, those of the filters, and with a cursor `after_at` and `after_number`.
    """
    beyond = tuple_(*_MEMBER_KEYS) < _AFTER if shape.descending else tuple_(*_MEMBER_KEYS) > _AFTER
    chosen = and_(
        true(),
        *(condition for name, condition in _MEMBER_FILTERS.items() if name in shape.filters),
        *([beyond] if shape.continued else []),
    )
    page = Page(chosen=chosen, keys=_MEMBER_KEYS, descending=shape.descending, limit=LIMIT)
    return prepared(release_page(webmaster.POLICY, page, bulk=shape.bulk), MemberRow)


@dataclass(frozen=True)
class PurchasesShape:
    """Which clauses a purchase log has, and whether it follows a watermark in order of recording."""

    filters: frozenset[str] = frozenset()
    since: bool = False
    continued: bool = False
    bulk: bool = False
    """Whether a page has thousands of rows."""


_PURCHASE_FILTERS = {
    "campaign": campaign.c.code == bindparam("campaign", type_=Text),
    "from": ledger_entry.c.at >= bindparam("from_instant", type_=DateTime(timezone=True)),
    "to": ledger_entry.c.at < bindparam("to_instant", type_=DateTime(timezone=True)),
}

PURCHASE_FILTERS = frozenset(_PURCHASE_FILTERS)

_WATERMARK = select(func.coalesce(func.max(ledger_entry.c.number), 0)).scalar_subquery().label("watermark")


@cache
def purchases_page(shape: PurchasesShape) -> Prepared:
    """The statement of a purchase log of this shape; each row ends with the ledger's newest number, the watermark.

    Parameters: `limit`, `campaign`, `from_instant`, `to_instant`, with a cursor `after_at` and `after_number`, and
    with a watermark `after_number` alone.
    """
    keys = (ledger_entry.c.number,) if shape.since else (ledger_entry.c.at, ledger_entry.c.number)
    chosen = and_(
        # Says the same as the policy's row filter, over the column that the log's indexes begin with.
        ledger_entry.c.webmaster == CALLER_NUMBER,
        *(condition for name, condition in _PURCHASE_FILTERS.items() if name in shape.filters),
        *([ledger_entry.c.number > bindparam("after_number", type_=BigInteger)] if shape.since else []),
        *([tuple_(*keys) < _AFTER] if shape.continued else []),
    )
    page = Page(chosen=chosen, keys=keys, descending=not shape.since, limit=LIMIT)
    return prepared(release_page(purchases.POLICY, page, footing=(_WATERMARK,), bulk=shape.bulk), PurchaseRow)


def every_column() -> tuple[Prepared, ...]:
    """Statements that together read every column a release to webmasters may read."""
    return (
        MEMBER_BY_REF,
        members_page(MembersShape()),
        members_page(MembersShape(filters=MEMBER_FILTERS, continued=True)),
        purchases_page(PurchasesShape(filters=PURCHASE_FILTERS, continued=True)),
        purchases_page(PurchasesShape(since=True)),
    )
