"""The prepared statements of every release: which members a partner may ask for, and in which order."""

from dataclasses import dataclass
from functools import cache

from marshmallow import Schema
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    LargeBinary,
    Text,
    and_,
    any_,
    bindparam,
    case,
    exists,
    func,
    select,
    true,
    tuple_,
)

from partners.literals import text_literal
from partners.tables.activity import relation, spending_total
from partners.tables.member import former_username, member
from partners.tables.partner import campaign
from partners.usage import start_of_utc_day
from partners.vocabulary import Reason, Relation
from serializers import model, webmaster
from serializers.policy.release import CALLER_NUMBER, Release, release_one, release_page
from serializers.policy.render import compile_serialiser, type_of_serialiser
from serializers.policy.schema import schema_of

MemberRow = schema_of(webmaster.POLICY, "MemberRow")
Card = schema_of(model.POLICY, "Card")

LIMIT = bindparam("limit", type_=BigInteger)


@dataclass(frozen=True)
class Prepared:
    """A release together with the serialiser of its rows."""

    release: Release
    serialise: type_of_serialiser


def _prepared(release: Release, schema: type[Schema]) -> Prepared:
    return Prepared(release, compile_serialiser(schema(), release.columns))


def _member_by_ref() -> Release:
    """Parameters `ref_partner` and `ref_member`: what the ref stands for, NULL where it was not made here."""
    partner, number = bindparam("ref_partner", type_=BigInteger), bindparam("ref_member", type_=BigInteger)
    return release_one(
        webmaster.POLICY,
        lookup=and_(member.c.number == number, partner == CALLER_NUMBER),
        missing=case(
            (partner.is_(None), text_literal(Reason.UNKNOWN)),
            (partner != CALLER_NUMBER, text_literal(Reason.NOT_REFERRED)),
            # A ref of the caller's own was given for a member that once was.
            else_=text_literal(Reason.ERASED),
        ),
    )


def _card_by_username() -> Release:
    """Parameters `username_key` and `username_digest`: the folded username, and the hash it may be remembered by."""
    digest = bindparam("username_digest", type_=LargeBinary)
    remembered = select(former_username.c.digest).where(former_username.c.digest == digest, former_username.c.erased)
    return release_one(
        model.POLICY,
        lookup=member.c.username_key == bindparam("username_key", type_=Text),
        missing=case((exists(remembered), text_literal(Reason.ERASED)), else_=text_literal(Reason.UNKNOWN)),
    )


@dataclass(frozen=True)
class MembersShape:
    """Which clauses a member list has: the filters that are set, the direction, and whether it starts at a cursor."""

    filters: frozenset[str] = frozenset()
    descending: bool = True
    continued: bool = False


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


@cache
def members_page(shape: MembersShape) -> Prepared:
    """The statement of a member list of this shape, made when first asked for; there are at most 128.

    Parameters: `limit`, those of the filters, and with a cursor `after_at` and `after_number`.
    """
    after = tuple_(bindparam("after_at", type_=DateTime(timezone=True)), bindparam("after_number", type_=BigInteger))
    beyond = tuple_(*_MEMBER_KEYS) < after if shape.descending else tuple_(*_MEMBER_KEYS) > after
    chosen = and_(
        true(),
        *(condition for name, condition in _MEMBER_FILTERS.items() if name in shape.filters),
        *([beyond] if shape.continued else []),
    )
    release = release_page(webmaster.POLICY, chosen=chosen, keys=_MEMBER_KEYS, descending=shape.descending, limit=LIMIT)
    return _prepared(release, MemberRow)


def _cards_by_username() -> Release:
    """Parameters `username_keys`, in the order asked, and `limit`."""
    keys = bindparam("username_keys", type_=ARRAY(Text))
    return release_page(
        model.POLICY,
        chosen=member.c.username_key == any_(keys),
        keys=(func.array_position(keys, member.c.username_key),),
        descending=False,
        limit=LIMIT,
    )


_spent_with_her = exists(
    select(spending_total.c.member)
    .where(spending_total.c.model == relation.c.model, spending_total.c.member == relation.c.member)
    .correlate(relation)
)

_RELATIONS: dict[Relation, ColumnElement[bool]] = {
    Relation.FAVORITE: relation.c.favorite,
    Relation.FAN_CLUB: relation.c.fan_club,
    Relation.GIFT_SENT: relation.c.gift_sent,
    Relation.SPENDER: _spent_with_her,
    Relation.ANY: true(),
}
"""Relations to list cards by: none of them is ever withheld from the model they concern (R14)."""


@cache
def cards_page(kind: Relation, *, continued: bool) -> Prepared:
    """The statement of a list of cards; parameters `limit`, and with a cursor `after_number`."""
    beyond = relation.c.member > bindparam("after_number", type_=BigInteger)
    chosen = and_(_RELATIONS[kind], beyond) if continued else _RELATIONS[kind]
    release = release_page(model.POLICY, chosen=chosen, keys=(relation.c.member,), descending=False, limit=LIMIT)
    return _prepared(release, Card)


MEMBER_BY_REF = _prepared(_member_by_ref(), MemberRow)
CARD_BY_USERNAME = _prepared(_card_by_username(), Card)
CARDS_BY_USERNAME = _prepared(_cards_by_username(), Card)

EVERY_STATEMENT = tuple(
    prepared.release.statement
    for prepared in (
        MEMBER_BY_REF,
        CARD_BY_USERNAME,
        CARDS_BY_USERNAME,
        *(cards_page(kind, continued=True) for kind in Relation),
        members_page(MembersShape()),
        members_page(MembersShape(filters=MEMBER_FILTERS, continued=True)),
    )
)
"""Statements that together read every column a release may read."""
