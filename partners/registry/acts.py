"""What operators do to partners, clients and keys; each act is kept here with its details, and in the access log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from partners.access_log.append import Access, record
from partners.access_log.identifiers import OPERATOR_PREFIX, REQUEST_PREFIX, new_id, public
from partners.tables.operator import operator_act
from partners.vocabulary import Outcome, Purpose, Reason

ALLOWED, REFUSED = 200, 403


@dataclass(frozen=True)
class Act:
    """Something done to the registry; secrets have no place in it."""

    operation: str
    """As the access log names it: what it is about, such as `oauth`, `audit` or `webhooks`, a dot, and the command."""
    partner: str | None = None
    client: str | None = None
    subject: str | None = None
    """What else it was about: a key, a secret, a proposal."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """An act that was done."""

    at: datetime
    operator: str
    act: Act
    request_id: str


def note(connection: Connection, act: Act, *, operator: str, now: datetime, reason: Reason | None = None) -> None:
    """Put an act on record in the transaction that does it; with a `reason`, that it was refused."""
    request_id = public(REQUEST_PREFIX, new_id(now))
    access = access_by_operator(now, act.operation, operator=operator, partner=act.partner, request_id=request_id)
    outcome, status = (Outcome.RELEASED, ALLOWED) if reason is None else (Outcome.DENIED, REFUSED)
    record(connection, access, outcome=outcome, status=status, reason=reason)
    detail = dict(act.detail) if reason is None else {**act.detail, "refused": reason}
    about = {"partner": act.partner, "client": act.client, "subject": act.subject, "detail": detail}
    done = {"at": now, "request_id": request_id, "operator": operator, "operation": act.operation}
    connection.execute(insert(operator_act).values(**done, **about))


def of_partner(connection: Connection, partner: str) -> Sequence[Entry]:
    """Return what was done to a partner and its clients, the oldest first."""
    statement = select(operator_act).where(operator_act.c.partner == partner).order_by(operator_act.c.number)
    return list(map(_entry, connection.execute(statement)))


def access_by_operator(
    at: datetime, operation: str, *, operator: str, partner: str | None = None, request_id: str | None = None
) -> Access:
    """An operator at the machine, as the access log knows one: no audience and no address, but a name."""
    client = OPERATOR_PREFIX + operator
    return Access.without_request(
        at, operation, Purpose.SECURITY, partner=partner, client=client, request_id=request_id
    )


def _entry(row: Row[Any]) -> Entry:
    act = Act(row.operation, row.partner, row.client, row.subject, row.detail)
    return Entry(row.at, row.operator, act, row.request_id)
