"""The sweep: usage data 120 days after the last purchase, and whatever else has outlived its time."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Table,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from partners import outbox
from partners.access_log.pruning import MONTHS_KEPT
from partners.detections import keeping
from partners.feed.attributes import DEVICE
from partners.instants import utc_day
from partners.months import beginning_of, month_of, months_after
from partners.registry import client_use
from partners.registry.tokens import CLOCK_SKEW
from partners.rights.binding import still_decides
from partners.tables.access import NETWORK_KEPT, access_network, outside_disclosure
from partners.tables.activity import action, ledger_entry, spending
from partners.tables.consent import grant_family, person_session, pushed_request
from partners.tables.detections import client_network
from partners.tables.member import erased_member, former_username, held_setting, member, member_stamp, purchase_total
from partners.tables.partner import denied_token, spent_assertion, spent_proof
from partners.tables.rights import rights_request
from partners.usage import RULES_NOW, action_not_lapsed, device_still_kept, usage_still_kept

BATCH = 500
"""Members, or rows of another table, in one transaction: nobody waits long for a sweep."""
HELD_SETTING_KEPT = timedelta(days=30)
"""Long enough for events that arrive out of order: a choice given up too soon would expose who made it."""
TEN_YEARS = 120
"""In months."""

_NEVER = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
_NUMBERS = bindparam("numbers", type_=ARRAY(BigInteger))


@dataclass(frozen=True)
class Swept:
    """What a sweep removed, and whose lapsed data it left alone because processing is restricted (R43, R54)."""

    devices: int = 0
    actions: int = 0
    usernames: int = 0
    held_settings: int = 0
    assertions: int = 0
    proofs: int = 0
    denied_tokens: int = 0
    consents: int = 0
    pushed_requests: int = 0
    sessions: int = 0
    client_networks: int = 0
    access_counts: int = 0
    networks: int = 0
    outside_disclosures: int = 0
    financial_records: int = 0
    requests: int = 0
    erased_ids: int = 0
    lapsed_clients: int = 0
    notices_given_up: int = 0
    skipped_restricted_members: int = 0

    def __add__(self, other: "Swept") -> "Swept":
        """Both sweeps together."""
        return Swept(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


def sweep(engine: Engine, *, now: datetime, real_now: datetime, batch: int = BATCH) -> Swept:
    """Remove what has lapsed, in limited batches; what is restricted is left and counted (R36, R37, R42, R54).

    Periods are judged by `now`, the clock of the rules; what belongs to tokens by `real_now`.
    """
    expired = real_now - CLOCK_SKEW
    keeping.unname(engine, now=real_now, networks_before=real_now - NETWORK_KEPT)
    return _sweep_usage(engine, now, batch) + Swept(
        usernames=_forget(
            engine,
            former_username,
            and_(former_username.c.blocked_until < now, ~_is_restricted(former_username.c.member)),
            batch,
        ),
        held_settings=_forget(engine, held_setting, held_setting.c.held_since < now - HELD_SETTING_KEPT, batch),
        assertions=_forget(engine, spent_assertion, spent_assertion.c.expires_at < expired, batch),
        proofs=_forget(engine, spent_proof, spent_proof.c.expires_at < expired, batch),
        denied_tokens=_forget(engine, denied_token, denied_token.c.expires_at < expired, batch),
        consents=_forget(engine, grant_family, grant_family.c.expires_at < expired, batch),
        pushed_requests=_forget(engine, pushed_request, pushed_request.c.expires_at < expired, batch),
        sessions=_forget(engine, person_session, person_session.c.expires_at < expired, batch),
        lapsed_clients=_let_lapse(engine, real_now),
        client_networks=_forget(engine, client_network, client_network.c.last_at < real_now - NETWORK_KEPT, batch),
        access_counts=sum(_forget(engine, *outlived, batch) for outlived in keeping.outlived(real_now)),
        notices_given_up=_give_up_notices(engine, real_now, batch),
        skipped_restricted_members=_count_skipped(engine, now, real_now),
    )


def _give_up_notices(engine: Engine, now: datetime, batch: int) -> int:
    """Return how many were given up; what is known of those that were told long ago goes, too."""
    for table, outlived in outbox.outlived(now):
        _forget(engine, table, outlived, batch)
    with engine.begin() as connection:
        return outbox.give_up(connection, now=now)


def forget_networks(owner: Engine, *, real_now: datetime) -> Swept:
    """Remove the network data of old accesses; the records stay whole, and only the tables' owner may do it."""
    return Swept(networks=_forget(owner, access_network, access_network.c.at < real_now - NETWORK_KEPT, BATCH))


def forget_outside_disclosures(owner: Engine, *, real_now: datetime) -> Swept:
    """Remove what was disclosed outside the gateway in months whose own records go by now, too (R27)."""
    told = outside_disclosure.c
    outlived = and_(told.at < _disclosures_before(real_now), ~_is_restricted(told.member))
    return Swept(outside_disclosures=_forget(owner, outside_disclosure, outlived, BATCH))


def _disclosures_before(real_now: datetime) -> datetime:
    return beginning_of(month_of(months_after(real_now, -MONTHS_KEPT)))


def forget_after_ten_years(owner: Engine, *, now: datetime) -> Swept:
    """Remove what is kept for ten years by the clock of the rules: requests; of the erased money and hashes (R38).

    What belongs to a member who is there stays as long as the account does, for totals are made of it; and so does a
    request by which a restriction or an objection holds.
    """
    before = months_after(now, -TEN_YEARS)
    unlinked = (
        _forget(owner, table, and_(table.c.member.is_(None), table.c.at < before), BATCH)
        for table in (ledger_entry, spending)
    )
    erased = exists().where(
        erased_member.c.digest == rights_request.c.member_digest, erased_member.c.erased_at < before
    )
    outlived = or_(erased, and_(rights_request.c.closed_at < before, ~still_decides()))
    return Swept(
        financial_records=sum(unlinked),
        # All of the erased, and before their ids: a request binds whoever registers, unless they are known as erased.
        requests=_forget(owner, rights_request, outlived, BATCH),
        erased_ids=_forget(owner, erased_member, erased_member.c.erased_at < before, BATCH),
    )


def _device_lapsed() -> ColumnElement[bool]:
    return and_(member.c.device_seen_at < _NEVER, ~device_still_kept())


def _action_lapsed() -> ColumnElement[bool]:
    return or_(~usage_still_kept(), ~action_not_lapsed())


def _is_restricted(number: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(member.c.number == number, member.c.restricted)


_A_NAME_OUTLIVED = exists().where(
    former_username.c.member == member.c.number, former_username.c.blocked_until < RULES_NOW
)
_A_DISCLOSURE_OUTLIVED = exists().where(
    outside_disclosure.c.member == member.c.number,
    outside_disclosure.c.at < bindparam("disclosures_before", type_=DateTime(timezone=True)),
)


def _something_lapsed() -> ColumnElement[bool]:
    return or_(_device_lapsed(), exists().where(action.c.member == member.c.number, _action_lapsed()))


_NEXT_MEMBERS = (
    select(member.c.number)
    .where(member.c.number > bindparam("after", type_=BigInteger))
    .order_by(member.c.number)
    .limit(bindparam("batch", type_=BigInteger))
)
_LAPSED_MEMBERS = (
    select(member.c.number)
    .join(purchase_total)
    .where(member.c.number == any_(_NUMBERS), ~member.c.restricted, _something_lapsed())
    .order_by(member.c.number)
    .with_for_update(of=member)
)
_COUNT_SKIPPED = (
    select(func.count())
    .select_from(member.join(purchase_total))
    .where(member.c.restricted, or_(_something_lapsed(), _A_NAME_OUTLIVED, _A_DISCLOSURE_OUTLIVED))
)
_OF_MEMBERS = and_(member.c.number == any_(_NUMBERS), purchase_total.c.member == member.c.number)
_NEWEST_DAY = func.greatest(
    purchase_total.c.active_on,
    utc_day(func.nullif(member.c.device_seen_at, _NEVER)),
    utc_day(select(func.max(action.c.at)).where(action.c.member == member.c.number).scalar_subquery()),
)
# The day stays, and nothing of what was done or with what: see `partners.rights.inactivity`.
_KEEP_THE_DAY = update(purchase_total).where(_OF_MEMBERS).values(active_on=_NEWEST_DAY)
_DROP_DEVICES = (
    update(member)
    .where(_OF_MEMBERS, _device_lapsed())
    .values(device_type=None, device_os=None, device_browser=None, device_seen_at=_NEVER)
    .returning(member.c.number)
)
_DROP_ACTIONS = delete(action).where(
    action.c.member == any_(_NUMBERS), purchase_total.c.member == action.c.member, _action_lapsed()
)
# An older event may be applied again after that, and is withheld: it was seen before what has lapsed.
_DROP_DEVICE_STAMPS = delete(member_stamp).where(
    member_stamp.c.member == any_(_NUMBERS), member_stamp.c.attribute == DEVICE
)


def _sweep_usage(engine: Engine, now: datetime, batch: int) -> Swept:
    swept, after = Swept(), 0
    while True:
        with engine.begin() as connection:
            numbers = list(connection.execute(_NEXT_MEMBERS, {"after": after, "batch": batch}).scalars())
            if not numbers:
                return swept
            lapsed = list(connection.execute(_LAPSED_MEMBERS, {"now": now, "numbers": numbers}).scalars())
            if lapsed:
                swept += _drop_usage(connection, lapsed, now)
            after = numbers[-1]


def _drop_usage(connection: Connection, numbers: list[int], now: datetime) -> Swept:
    parameters = {"now": now, "numbers": numbers}
    connection.execute(_KEEP_THE_DAY, parameters)
    devices = list(connection.execute(_DROP_DEVICES, parameters).scalars())
    connection.execute(_DROP_DEVICE_STAMPS, {"numbers": devices})
    return Swept(devices=len(devices), actions=connection.execute(_DROP_ACTIONS, parameters).rowcount)


def _count_skipped(engine: Engine, now: datetime, real_now: datetime) -> int:
    parameters = {"now": now, "disclosures_before": _disclosures_before(real_now)}
    with engine.connect() as connection:
        return connection.execute(_COUNT_SKIPPED, parameters).scalar_one()


def _let_lapse(engine: Engine, real_now: datetime) -> int:
    with engine.begin() as connection:
        return len(client_use.lapse(connection, now=real_now))


def _forget(engine: Engine, table: Table, outlived: ColumnElement[bool], batch: int) -> int:
    """Delete the rows that have outlived their time; return how many."""
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(outlived).limit(batch)
    total = 0
    while True:
        with engine.begin() as connection:
            deleted = connection.execute(delete(table).where(key.in_(some))).rowcount
        total += deleted
        if deleted < batch:
            return total
