"""Two-person approval: what one operator proposes, another lets take effect (ADR 17)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from partners.registry import RegistryError, client_scopes
from partners.registry.credentials import MEMBER_ROW_SCOPES
from partners.tables.operator import approval, two_person_rule
from partners.tables.partner import client, partner
from partners.vocabulary import Scope

APPROVAL_PREFIX = "apr_"
LASTS = timedelta(days=7)
MEMBER_LEVEL = MEMBER_ROW_SCOPES | {Scope.DISCLOSURES_READ, Scope.PRIVACY_WRITE}
"""Scopes under which values of single members leave the gateway; in previews and in members' archives, too."""


class Kind(StrEnum):
    """What can be proposed."""

    GRANT = "grant"
    WAIVE = "waive"
    """To end the rule itself."""


class State(StrEnum):
    """What has become of a proposal."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class SameOperatorError(RegistryError):
    """An operator wants to approve what they proposed themselves."""

    def __init__(self, proposal: "Proposal") -> None:
        """Take what is not approved."""
        super().__init__(f"{proposal.id} was proposed by {proposal.proposed_by}; somebody else has to approve it")
        self.proposal = proposal


@dataclass(frozen=True)
class Proposal:
    """What an operator wants to be done."""

    id: str
    kind: Kind
    partner: str | None
    client: str | None
    scopes: tuple[Scope, ...]
    state: State
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def are_required(connection: Connection) -> bool:
    """Whether grants of member-level scopes need two operators now."""
    return bool(connection.execute(select(exists(select(two_person_rule.c.singleton)))).scalar_one())


def require(connection: Connection, *, now: datetime) -> None:
    """Need two operators from now on; ending that again needs two."""
    connection.execute(upsert(two_person_rule).values(since=now).on_conflict_do_nothing())


def propose(
    connection: Connection,
    kind: Kind,
    *,
    operator: str,
    now: datetime,
    client_id: str | None = None,
    scopes: Sequence[Scope] = (),
) -> Proposal:
    """Keep a proposal for seven days; raise `RegistryError` if the same is waiting already."""
    alike = (proposal for proposal in every(connection, now=now) if proposal.state is State.PENDING)
    for other in alike:
        if (other.kind, other.client) == (kind, client_id) and set(scopes) <= set(other.scopes):
            raise RegistryError(f"{other.id} proposes that already")
    identifier = APPROVAL_PREFIX + secrets.token_hex(6)
    new = {"id": identifier, "kind": kind, "client": client_id, "scopes": list(scopes), "proposed_by": operator}
    connection.execute(insert(approval).values(**new, proposed_at=now, expires_at=now + LASTS))
    return get(connection, identifier, now=now)


def approve(connection: Connection, identifier: str, *, operator: str, now: datetime) -> Proposal:
    """Let a proposal of somebody else take effect; raise `RegistryError` if it is decided or expired."""
    proposal = _undecided(connection, identifier, now)
    if proposal.proposed_by == operator:
        raise SameOperatorError(proposal)
    if proposal.kind is Kind.WAIVE:
        connection.execute(delete(two_person_rule))
    elif proposal.client is None:
        raise RegistryError(f"{proposal.id} names no client that could be granted anything")
    else:
        client_scopes.grant(connection, proposal.client, proposal.scopes)
    return _decide(connection, proposal, State.APPROVED, operator=operator, now=now)


def refuse(connection: Connection, identifier: str, *, operator: str, now: datetime) -> Proposal:
    """Let a proposal come to nothing; who made it may take it back so."""
    proposal = _undecided(connection, identifier, now)
    return _decide(connection, proposal, State.REFUSED, operator=operator, now=now)


def refuse_all_of(connection: Connection, partner_id: str, *, operator: str, now: datetime) -> list[Proposal]:
    """Let everything that is proposed for a partner come to nothing, and return it."""
    pending = (each for each in every(connection, now=now) if each.state is State.PENDING)
    ids = [each.id for each in pending if each.partner == partner_id]
    return [refuse(connection, each, operator=operator, now=now) for each in ids]


def get(connection: Connection, identifier: str, *, now: datetime, lock: bool = False) -> Proposal:
    """Return a proposal, locked to be decided if asked; raise `RegistryError` if there is none."""
    statement = _selected().where(approval.c.id == identifier)
    row = connection.execute(statement.with_for_update(of=approval) if lock else statement).one_or_none()
    if row is None:
        raise RegistryError(f"there is no proposal {identifier}")
    return _proposal(row, now)


def every(connection: Connection, *, now: datetime) -> list[Proposal]:
    """Return all proposals, the oldest first."""
    rows = connection.execute(_selected().order_by(approval.c.proposed_at, approval.c.id))
    return [_proposal(row, now) for row in rows]


def _undecided(connection: Connection, identifier: str, now: datetime) -> Proposal:
    proposal = get(connection, identifier, now=now, lock=True)
    if proposal.state is not State.PENDING:
        raise RegistryError(f"{identifier} is {proposal.state} and cannot be decided any more")
    return proposal


def _decide(connection: Connection, proposal: Proposal, decision: State, *, operator: str, now: datetime) -> Proposal:
    decided = {"decision": decision, "decided_by": operator, "decided_at": now}
    connection.execute(update(approval).where(approval.c.id == proposal.id).values(**decided))
    return get(connection, proposal.id, now=now)


def _selected() -> Select[Any]:
    of_partner = client.join(partner, client.c.partner == partner.c.number)
    return select(approval, partner.c.id.label("owner")).select_from(
        approval.outerjoin(of_partner, approval.c.client == client.c.id)
    )


def _proposal(row: Row[Any], now: datetime) -> Proposal:
    undecided = State.PENDING if now < row.expires_at else State.EXPIRED
    return Proposal(
        id=row.id,
        kind=Kind(row.kind),
        partner=row.owner,
        client=row.client,
        scopes=tuple(Scope(scope) for scope in row.scopes),
        state=State(row.decision) if row.decision else undecided,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        expires_at=row.expires_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )
