"""What a batch of sealed entries adds up to: one statement for each kind of figure."""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Double,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    select,
)

from partners.access_log.subjects import members_where
from partners.detections import rules
from partners.detections.sketch import BITS, REGISTERS
from partners.postgres.literals import number_literal, text_literal
from partners.tables.access import access_log, access_network
from partners.tables.sealing import sealed_leaf
from partners.vocabulary import GIVEN, OUTSIDE, Outcome, Reason

LOOKUPS = ("card.get", "card.spending", "members.get")
"""Operations that ask for one member."""
NOT_ITS_OWN = (Reason.UNKNOWN, Reason.NOT_REFERRED, Reason.NO_RELATION)
"""Who opted out or was erased is no stranger: asking for them again is no sign of anything."""
BY_PEOPLE = ("oauth.authorize", "oauth.consent", "oauth.set_up", "oauth.sign_in", "oauth.sign_out", "oauth.withdraw")
"""Operations of people in a browser, whatever client they are about."""
_HASH_BITS = 53
"""Of a hash, beside those that choose the register: as many as a double holds."""

a = access_log.c


def is_lookup() -> ColumnElement[bool]:
    """An entry that asked for one member."""
    return a.operation.in_(LOOKUPS)


def is_miss() -> ColumnElement[bool]:
    """A look-up of somebody unknown or not the caller's own."""
    return and_(is_lookup(), a.outcome == Outcome.NOT_FOUND, a.reason.in_(NOT_ITS_OWN))


def is_refused() -> ColumnElement[bool]:
    """A request that no scope of the client's allows, or for a token with one; anybody can make up a bad token."""
    wants_scope = func.coalesce(a.reason == Reason.INSUFFICIENT_SCOPE, False)
    return and_(a.outcome == Outcome.DENIED, wants_scope, a.operation.not_in(BY_PEOPLE))


def is_release() -> ColumnElement[bool]:
    """An entry by which a recipient got at members."""
    return and_(a.audience.in_(OUTSIDE), a.outcome.in_(GIVEN), a.member_count > number_literal(0))


def network_of(ip: ColumnElement[Any]) -> ColumnElement[Any]:
    """The /24 of an address, or the /48 of IPv6."""
    length = case(
        (func.family(ip) == number_literal(4), cast(number_literal(24), Integer)),
        else_=cast(number_literal(48), Integer),
    )
    return func.network(func.set_masklen(ip, length))


def _counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)


def _batch(*columns: ColumnElement[Any], by_clients: bool = False) -> Select[Any]:
    """Entries of a known caller from the batch, none of operators; `by_clients` leaves out what people did."""
    sealed = and_(sealed_leaf.c.access == a.id, sealed_leaf.c.at == a.at)
    inside = (
        sealed_leaf.c.index >= bindparam("first", type_=BigInteger),
        sealed_leaf.c.index < bindparam("end", type_=BigInteger),
    )
    statement = select(*columns).select_from(sealed_leaf.join(access_log, sealed)).where(*inside)
    statement = statement.where(a.audience.is_not(None), a.partner.is_not(None), a.client.is_not(None))
    return statement.where(a.operation.not_in(BY_PEOPLE)) if by_clients else statement


_DAY = cast(func.date_trunc(text_literal("day"), a.at), Date).label("day")
_WHOSE = (a.audience, a.partner, a.client, a.model)

DAYS = _batch(
    *_WHOSE, _DAY, func.count().label("requests"), _counted(is_miss()).label("missed"), by_clients=True
).group_by(*_WHOSE, _DAY)

_HOUR = func.date_trunc(text_literal("hour"), a.at).label("hour")
_MEMBERS = case((is_release(), a.member_count), else_=number_literal(0))
HOURS = _batch(
    a.partner,
    a.client,
    _HOUR,
    func.count().label("requests"),
    _counted(is_refused()).label("refused"),
    _counted(is_miss()).label("missed"),
    func.sum(_MEMBERS).label("members"),
    func.max(_MEMBERS).label("largest"),
    by_clients=True,
).group_by(a.partner, a.client, _HOUR)


def _calls() -> CTE:
    before = func.lag(a.at).over(partition_by=a.client, order_by=a.at).label("before")
    return _batch(a.client, a.partner, a.at, before, by_clients=True).cte("calls")


_CALLS = _calls()
SEEN = select(
    _CALLS.c.client,
    func.min(_CALLS.c.partner).label("partner"),
    func.min(_CALLS.c.at).label("first_at"),
    func.max(_CALLS.c.at).label("last_at"),
    func.max(_CALLS.c.at).filter(_CALLS.c.at - _CALLS.c.before >= rules.SILENCE).label("woke_at"),
).group_by(_CALLS.c.client)

_NETWORK = network_of(access_network.c.ip).label("network")
NETWORKS = (
    _batch(a.client, _NETWORK, func.min(a.at).label("first_at"), func.max(a.at).label("last_at"), by_clients=True)
    .join(access_network, and_(access_network.c.access == a.id, access_network.c.at == a.at))
    .where(access_network.c.ip.is_not(None))
    .group_by(a.client, _NETWORK)
)


def _members(*columns: ColumnElement[Any], only: ColumnElement[bool]) -> CTE:
    """The members of releases in the batch, each with the columns of its entry."""
    covered = members_where(lambda at, access: and_(access == a.id, at == a.at)).lateral("covered")
    return _batch(*columns, covered.c.member).join(covered, covered.c.access == a.id).where(only).cte("covered_members")


def _registers() -> Select[Any]:
    """HyperLogLog in the database, so that a hundred thousand members come as two thousand numbers at most."""
    each = _members(*_WHOSE, _DAY, only=is_release())
    hashed = func.hashint8extended(each.c.member, cast(number_literal(0), BigInteger))
    register = cast(hashed.bitwise_and(number_literal(REGISTERS - 1)), Integer).label("register")
    rest = hashed.bitwise_rshift(cast(number_literal(BITS), Integer)).bitwise_and(number_literal((1 << _HASH_BITS) - 1))
    high = func.floor(func.log(cast(rest, Double)) / func.log(cast(number_literal(2), Double)))
    rank = case((rest == number_literal(0), number_literal(_HASH_BITS + 1)), else_=number_literal(_HASH_BITS) - high)
    whose = [each.c[name] for name in ("audience", "partner", "client", "model", "day")]
    return select(*whose, register, cast(func.max(rank), Integer).label("rank")).group_by(*whose, register)


REGISTERS_OF = _registers()


def _steps() -> Select[Any]:
    """Which way look-ups of single members go, from one to the next."""
    each = _members(
        *_WHOSE, _DAY, a.at, a.id, only=and_(is_lookup(), a.member_count == number_literal(1), is_release())
    )
    whose = [each.c[name] for name in ("audience", "partner", "client", "model", "day")]
    before = func.lag(each.c.member).over(partition_by=whose, order_by=[each.c.at, each.c.id]).label("before")
    step = select(*whose, each.c.member, before).subquery("step")
    columns = [step.c[column.name] for column in whose]
    return select(
        *columns,
        func.count().filter(step.c.member > step.c.before).label("up"),
        func.count().filter(step.c.member < step.c.before).label("down"),
    ).group_by(*columns)


STEPS = _steps()
