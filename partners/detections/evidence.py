"""The records that show what a suspicion is about."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, cast, func, select
from sqlalchemy.dialects.postgresql import CIDR

from partners.detections import rules
from partners.detections.entries import is_miss, is_refused, is_release, network_of
from partners.detections.suspicions import Evidence, Suspicion
from partners.postgres.literals import number_literal
from partners.tables.access import access_log, access_network

MOST = 50
"""Records that an alert names; of all others it has the number."""
a = access_log.c


def evidence_of(connection: Connection, suspicion: Suspicion) -> tuple[list[UUID], int]:
    """Some records, and how many there are: the largest releases, or else the first of them."""
    if suspicion.records or suspicion.whom.partner is None:
        return list(suspicion.records[:MOST]), len(suspicion.records)
    source: Any = access_log
    conditions = _conditions(suspicion)
    if suspicion.network is not None:
        same = and_(access_network.c.at == a.at, access_network.c.access == a.id)
        source = access_log.join(access_network, same)
        conditions.append(network_of(access_network.c.ip) == cast(suspicion.network, CIDR))
    order = [a.at, a.id] if suspicion.evidence is not Evidence.RELEASES else [a.member_count.desc(), a.at, a.id]
    found = select(a.id).select_from(source).where(*conditions).order_by(*order).limit(MOST)
    total = select(func.count()).select_from(source).where(*conditions)
    return list(connection.execute(found).scalars()), connection.execute(total).scalar_one()


def _conditions(suspicion: Suspicion) -> list[ColumnElement[bool]]:
    whom, window = suspicion.whom, suspicion.window
    conditions = [a.partner == whom.partner, a.at >= window.since, a.at < window.until]
    conditions += [a.client == whom.client] if whom.client is not None else []
    conditions += [a.model == whom.model] if whom.model is not None else []
    return (
        conditions
        + {
            Evidence.RELEASES: [is_release()],
            Evidence.BULK: [is_release(), a.member_count >= number_literal(rules.BULK)],
            Evidence.MISSES: [is_miss()],
            Evidence.REFUSALS: [is_refused()],
            Evidence.EVERYTHING: list[ColumnElement[bool]](),
        }[suspicion.evidence]
    )
