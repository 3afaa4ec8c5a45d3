"""The one doorway: a prepared release and a caller become released rows, recorded before anyone sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.oauth.caller import Caller
from gateway.oauth.guard import refusal
from gateway.problems import not_found
from gateway.records import access_of
from gateway.runtime import Runtime, runtime
from partners.access_log.append import Access
from partners.references import References
from partners.vocabulary import Outcome, Purpose, Reason
from serializers.policies import VERSION
from serializers.policy.release import CALLER, OUTCOME, REASON, ROW_MEMBER
from serializers.policy.shapes import Tools
from serializers.statements import Prepared


@dataclass(frozen=True)
class Disclosing:
    """To whom, by which operation, for which purpose."""

    caller: Caller
    operation: str
    purpose: Purpose


@dataclass(frozen=True)
class Released:
    """What may be said now, because it is recorded."""

    documents: list[dict[str, Any]]
    has_more: bool
    last_keys: list[Any]
    """What the last row is ordered by: the position of the next cursor."""


def release(prepared: Prepared, disclosing: Disclosing, parameters: Mapping[str, Any], *, limit: int = 1) -> Released:
    """Release and record in one statement; raise the problem where nothing is released.

    A 404, an empty list and a refusal are recorded by the same statement, with their true reason.
    """
    held, caller = runtime(), disclosing.caller
    access = access_of(disclosing.operation, disclosing.purpose, caller, VERSION)
    bound = {**_caller_parameters(caller, access), **access.parameters(), "now": held.now(), **parameters}
    with held.database.release.connect() as connection:
        rows = connection.execute(prepared.release.statement, bound).all()
    _raise_unless_released(rows[0], caller)
    members = [row for row in rows if row[ROW_MEMBER] is not None]
    said = members[:limit]
    documents = prepared.serialise([prepared.release.values(row) for row in said], _tools(held, rows[0][CALLER]))
    last_keys = prepared.release.keys(said[-1]) if said else []
    return Released(documents, has_more=len(members) > limit, last_keys=last_keys)


def _raise_unless_released(first: Sequence[Any], caller: Caller) -> None:
    if first[OUTCOME] == Outcome.DENIED:
        raise refusal(Reason(first[REASON]), caller)
    if first[OUTCOME] == Outcome.NOT_FOUND:
        raise not_found()


def _caller_parameters(caller: Caller, access: Access) -> dict[str, Any]:
    return {
        "caller_client": caller.client,
        "caller_version": caller.client_version,
        "caller_token": caller.token,
        "caller_address": access.ip,
        "caller_model": caller.model,
    }


def _tools(held: Runtime, partner: int) -> Tools:
    keyring = held.keyring
    return Tools(ref=References(keyring).writer(partner), unseal=lambda sealed: keyring.unseal(sealed).decode())
