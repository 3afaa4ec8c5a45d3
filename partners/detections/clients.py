"""Facts about clients: networks they call from, silence, and what they do just after a change of their credentials."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, cast, func, null, select, union_all
from sqlalchemy.dialects.postgresql import CIDR

from partners.detections import rules
from partners.detections.asked import DAY, HOUR, Asked, beginning_of_hour
from partners.detections.entries import is_release, network_of
from partners.detections.suspicions import Change, Network, Waking, Whom, Window
from partners.tables.access import access_log, access_network
from partners.tables.detections import client_network, client_seen, partner_hour
from partners.tables.operator import operator_act
from partners.tables.partner import client, client_secret
from partners.vocabulary import Detection

a, n, s = access_log.c, client_network.c, client_seen.c
LETTING_IN = ("oauth.clients.rotate", "oauth.clients.resume", "oauth.clients.grant", "oauth.approvals.approve")
"""What operators do to a client that lets somebody in, or further in, than before."""
_ONBOARDING = HOUR
"""A secret that is given so soon after the client was made is its first."""


def networks(connection: Connection, asked: Asked) -> Iterator[Network]:
    """Each first call from a network by a client of long standing."""
    each = client_network.alias("each").c
    new = select(func.count()).where(each.client == n.client, each.first_at > s.first_at)
    before = new.where(each.first_at < n.first_at, each.first_at >= n.first_at - rules.BASELINE)
    that_day = new.where(each.first_at <= n.first_at, each.first_at > n.first_at - DAY)
    counted = (before.scalar_subquery().label("before"), that_day.scalar_subquery().label("that_day"))
    for row in connection.execute(_new_networks(asked.since).add_columns(*counted)).all():
        whom, network = Whom(row.partner, row.client), str(row.network)
        yield Network(
            whom,
            Window(row.at, row.at + DAY),
            network,
            row.known_since,
            row.before,
            row.that_day,
            asked.floor(Detection.NEW_NETWORK, whom, network),
        )


def wakings(connection: Connection, asked: Asked) -> Iterator[Waking]:
    """Each client that had been silent for long, and what it did since."""
    awake = select(client_seen).where(s.woke_at >= asked.since - rules.WAKING)
    for row in connection.execute(awake).all():
        whom, window = Whom(row.partner, row.client), Window(row.woke_at, row.woke_at + rules.WAKING)
        yield Waking(
            whom,
            window,
            _largest_by_hour(connection, row.client, row.partner, window),
            asked.floor(Detection.DORMANT, whom),
        )


def changes(connection: Connection, asked: Asked) -> Iterator[Change]:
    """What clients did within an hour of new credentials, or of their first call from a new network."""
    since = asked.since - rules.AFTER_CHANGE
    for row in connection.execute(_new_credentials(since)).all():
        yield from _change(connection, asked, row, what="credentials")
    for row in connection.execute(_new_networks(since)).all():
        if row.at - row.known_since > rules.HISTORY:
            yield from _change(connection, asked, row, what="network")


def _change(connection: Connection, asked: Asked, row: Row[Any], *, what: str) -> Iterator[Change]:
    window = Window(row.at, row.at + rules.AFTER_CHANGE)
    largest = connection.execute(_largest(row, window)).first()
    if largest is None or largest.member_count < rules.BULK:
        return
    before = Window(window.since - rules.BASELINE, beginning_of_hour(window.since))
    from_new = what == "network" or _is_new_network(connection, row, largest.network, window.since)
    network = str(largest.network) if from_new and largest.network is not None else None
    whom = Whom(row.partner, row.client)
    yield Change(
        whom,
        window,
        what,
        largest.member_count,
        from_new,
        _largest_by_hour(connection, row.client, row.partner, before) >= rules.BULK,
        network,
        asked.floor(Detection.AFTER_CHANGE, whom, network),
    )


def _largest(row: Row[Any], window: Window) -> Select[Any]:
    """The largest release of a client in a window; of a new network, from there."""
    network = network_of(access_network.c.ip)
    statement = (
        select(a.member_count, network.label("network"))
        .join(access_network, and_(access_network.c.at == a.at, access_network.c.access == a.id))
        .where(a.partner == row.partner, a.client == row.client, _inside(a.at, window), is_release())
        .order_by(a.member_count.desc())
        .limit(1)
    )
    return statement if row.network is None else statement.where(network == row.network)


def _is_new_network(connection: Connection, row: Row[Any], network: Any, since: datetime) -> bool:  # noqa: ANN401 - a CIDR
    known = select(n.client).where(n.client == row.client, n.network == network, n.first_at < since)
    return network is not None and connection.execute(known).first() is None


def _largest_by_hour(connection: Connection, of: str, partner: str, window: Window) -> int:
    h = partner_hour.c
    hours = and_(h.hour >= beginning_of_hour(window.since), h.hour < window.until)
    statement = select(func.coalesce(func.max(h.largest), 0)).where(h.partner == partner, h.client == of, hours)
    return int(connection.execute(statement).scalar_one())


def _new_networks(since: datetime) -> Select[Any]:
    columns = (n.client, s.partner, n.network, n.first_at.label("at"), s.first_at.label("known_since"))
    return (
        select(*columns)
        .join(client_seen, s.client == n.client)
        .where(n.first_at >= since, n.first_at > s.first_at)
        .order_by(n.first_at)
    )


def _new_credentials(since: datetime) -> Select[Any]:
    """Secrets that are not a client's first, and new keys or leave to come back as operators' journal has them.

    A client that never called has nothing to be taken over.
    """
    acts, given = operator_act.c, client_secret.c
    changed = union_all(
        select(given.client, given.created_at.label("at"))
        .join(client, client.c.id == given.client)
        .where(given.created_at > client.c.created_at + _ONBOARDING),
        select(acts.client, acts.at).where(acts.operation.in_(LETTING_IN), acts.client.is_not(None)),
    ).subquery("changed")
    nowhere = cast(null(), CIDR).label("network")
    return (
        select(s.client, s.partner, nowhere, changed.c.at, s.first_at.label("known_since"))
        .join(changed, changed.c.client == s.client)
        .where(changed.c.at >= since, s.first_at < changed.c.at)
        .order_by(changed.c.at)
    )


def _inside(at: ColumnElement[datetime], window: Window) -> ColumnElement[bool]:
    return and_(at >= window.since, at < window.until)
