"""Appending to the access log: one record, its exact bytes, whom it was about and from where, in one statement."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from itertools import product
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    FromClause,
    Integer,
    Select,
    SmallInteger,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import INET, JSONB

from partners.access_log.cases import Case
from partners.access_log.identifiers import ACCESS_PREFIX, REQUEST_PREFIX, new_id, public
from partners.access_log.noting import Noted, noted_here
from partners.access_log.subjects import Keeping, one_by_one
from partners.access_log.summary import summary_of
from partners.postgres.literals import text_literal
from partners.tables.access import access_log, access_network
from partners.vocabulary import Outcome, Purpose, Reason

LEAF_VERSION = 1


@dataclass(frozen=True)
class Access:
    """Who asked for what, from where, on whose behalf: what is known before the outcome is."""

    at: datetime
    """When the request arrived, by the real clock."""
    request_id: str
    ip: str | None
    audience: str | None
    partner: str | None
    client: str | None
    model: str | None
    operation: str
    purpose: Purpose
    policy_version: str | None = None
    case: Case | None = None
    """For which case an auditor looks at the log."""

    @classmethod
    def without_request(
        cls,
        at: datetime,
        operation: str,
        purpose: Purpose,
        *,
        audience: str | None = None,
        partner: str | None = None,
        client: str | None = None,
        request_id: str | None = None,
    ) -> Self:
        """What the gateway does of itself, or an operator at the machine."""
        request_id = request_id or public(REQUEST_PREFIX, new_id(at))
        return cls(at, request_id, None, audience, partner, client, None, operation, purpose)

    def parameters(self) -> dict[str, Any]:
        """Values for the bind parameters that every recording statement has, a fresh id and salts among them."""
        identifier = new_id(self.at)
        chance = os.urandom(32)
        network_salt = UUID(bytes=chance[:16])
        return {
            "access_at": self.at,
            "access_id": identifier,
            "access_public_id": public(ACCESS_PREFIX, identifier),
            "access_salt": chance[16:].hex(),
            "access_request_id": self.request_id,
            "access_ip": self.ip,
            "access_network": network_digest(self.ip, network_salt),
            "access_network_salt": network_salt,
            "access_audience": self.audience,
            "access_partner": self.partner,
            "access_client": self.client,
            "access_model": self.model,
            "access_operation": self.operation,
            "access_purpose": self.purpose,
            "access_policy_version": self.policy_version,
        }


AT = bindparam("access_at", type_=DateTime(timezone=True))
ID = bindparam("access_id", type_=Uuid)
_FACTS: dict[str, ColumnElement[Any]] = {
    name: bindparam(f"access_{name}", type_=Text)
    for name in ("request_id", "audience", "partner", "client", "model", "operation", "purpose", "policy_version")
}


def network_digest(ip: str | None, salt: UUID) -> str:
    """What the leaf keeps of the network data: SHA-256 over salt and packed address, in hex."""
    return hashlib.sha256(salt.bytes + (_packed(ip) if ip else b"")).hexdigest()


@lru_cache
def _packed(ip: str) -> bytes:
    return ip_address(ip).packed


def record_of(
    *,
    decision: FromClause,
    covered: FromClause | None,
    keeping: Keeping = one_by_one,
    details: ColumnElement[Any] | None = None,
    more: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> tuple[CTE, ...]:
    """The inserts that make up a record; `decision` has one row with `outcome`, `status`, `reason` and its summary.

    Nothing is `covered` by what is about no member. `keeping` says how it is kept whom it covers. `details` stand in
    the sealed bytes alone, and `more` are facts that most records do not have: their names do not even stand in the
    bytes of the others.
    """
    columns = {"at": AT, "id": ID, **_searched(decision), **more}
    leaf = leaf_of(decision, details=details, more=more)
    log = insert(access_log).from_select([*columns, "leaf"], select(*columns.values(), leaf))
    network = insert(access_network).values(
        at=AT, access=ID, ip=bindparam("access_ip", type_=INET), salt=bindparam("access_network_salt", type_=Uuid)
    )
    if covered is None:
        return log.cte("recorded"), network.cte("recorded_network")
    return log.cte("recorded"), network.cte("recorded_network"), *keeping(covered, at=AT, access=ID)


def _searched(decision: FromClause) -> dict[str, ColumnElement[Any]]:
    """Everything that the log can be searched by."""
    decided = ("outcome", "status", "reason", "member_count", "verdicts")
    return {**_FACTS, **{name: decision.c[name] for name in decided}}


def leaf_of(
    decision: FromClause,
    *,
    details: ColumnElement[Any] | None = None,
    more: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> ColumnElement[bytes]:
    """The exact bytes of the record that `record_of` inserts by the same `decision`."""
    sealed_alone = {} if details is None else {"details": details}
    return _leaf({**_searched(decision), **more, "members": decision.c.members, **sealed_alone})


def told_leaf(decision: FromClause) -> ColumnElement[bytes]:
    """The same as a value that the statement itself tells: of what it computed, whatever becomes of what is stored."""
    return select(leaf_of(decision)).scalar_subquery()


def _leaf(facts: dict[str, ColumnElement[Any]]) -> ColumnElement[bytes]:
    """The exact bytes to be sealed: the text of a jsonb object, which PostgreSQL writes in one way only."""
    pairs: list[ColumnElement[Any]] = []
    heading: dict[str, ColumnElement[Any]] = {
        "v": literal_column(str(LEAF_VERSION), Integer),
        "id": bindparam("access_public_id", type_=Text),
        "at": func.to_char(func.timezone(text_literal("UTC"), AT), text_literal('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
        "salt": bindparam("access_salt", type_=Text),
        "network": bindparam("access_network", type_=Text),
    }
    for name, value in {**heading, **facts}.items():
        pairs += [text_literal(name), value]
    return func.convert_to(cast(func.jsonb_build_object(*pairs), Text), text_literal("UTF8"))


@dataclass(frozen=True)
class _Plain:
    """The statement of a record without a release; `telling` also answers with its bytes and its transaction."""

    usual: Select[Any]
    telling: Select[*tuple[Any, ...]]


def _plain_record(details: ColumnElement[Any] | None, more: Mapping[str, ColumnElement[Any]]) -> _Plain:
    member = func.unnest(bindparam("members", type_=ARRAY(BigInteger))).column_valued("member")
    covered = select(member, literal_column("0", BigInteger).label("verdict")).cte("covered")
    decision = select(
        bindparam("outcome", type_=Text).label("outcome"),
        bindparam("status", type_=SmallInteger).label("status"),
        bindparam("reason", type_=Text).label("reason"),
        *summary_of(covered).c,
    ).cte("decision")
    inserts = record_of(decision=decision, covered=covered, details=details, more=more)
    leaf = leaf_of(decision, details=details, more=more)
    telling = select(leaf, cast(func.pg_current_xact_id(), Text))
    return _Plain(select(decision.c.outcome).add_cte(*inserts), telling.add_cte(*inserts))


_DETAILS = bindparam("details", type_=JSONB)
_CASE = {name: bindparam(name, type_=Text) for name in ("case_number", "case_purpose")}
_PLAIN_RECORDS = {
    (has_details, has_case): _plain_record(_DETAILS if has_details else None, _CASE if has_case else {})
    for has_details, has_case in product((False, True), repeat=2)
}
"""By whether a record has details, and a case."""


def record(
    connection: Connection,
    access: Access,
    *,
    outcome: Outcome,
    status: int,
    reason: Reason | None = None,
    members: Sequence[int] = (),
    details: Mapping[str, str] | None = None,
) -> UUID:
    """Append the record of an access that released no member's data to a partner; return its id."""
    parameters: dict[str, Any] = {"outcome": outcome, "status": status, "reason": reason, "members": list(members)}
    own, case = access.parameters(), access.case
    if case is not None:
        parameters |= {"case_number": case.number, "case_purpose": case.purpose}
    if details is not None:
        parameters["details"] = details
    _execute(connection, _PLAIN_RECORDS[details is not None, case is not None], own | parameters)
    identifier: UUID = own["access_id"]
    return identifier


def _execute(connection: Connection, plain: _Plain, parameters: Mapping[str, Any]) -> None:
    noted = noted_here()
    if noted is None:
        connection.execute(plain.usual, parameters)
    else:
        noted.append(Noted(*connection.execute(plain.telling, parameters).one()))
