"""The one doorway: a prepared release and a caller become released rows, recorded before anyone sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from gateway.http.problems import not_found
from gateway.oauth.caller import Caller
from gateway.oauth.challenges import refusal
from gateway.oauth.guard import Guard, standing_parameters
from gateway.observability import metrics
from gateway.records import access_of
from gateway.runtime import Runtime, runtime
from partners.access_log.recording import Recording
from partners.postgres.prepared import Row
from partners.vocabulary import Outcome, Reason
from serializers.policies import VERSION
from serializers.policy.release import CALLER, OUTCOME, REASON, ROW_MEMBER
from serializers.policy.shapes import Tools
from serializers.statements import Prepared


@dataclass(frozen=True)
class Disclosing:
    """To whom, and under which guard: its operation, purpose and scope."""

    caller: Caller
    guard: Guard
    at: datetime | None = None
    """When, if well after the request arrived."""


@dataclass(frozen=True)
class Released:
    """What may be said now, because it is recorded."""

    documents: list[dict[str, Any]]
    has_more: bool
    last_keys: list[Any]
    """What the last row is ordered by: the position of the next cursor."""
    footing: list[Any]
    """The scalars that end every row, such as a watermark."""


def release(prepared: Prepared, disclosing: Disclosing, parameters: Mapping[str, Any], *, limit: int = 1) -> Released:
    """Release and record in one statement; raise the problem where nothing is released.

    A 404, an empty list and a refusal are recorded by the same statement, with their true reason.
    """
    held, caller = runtime(), disclosing.caller
    access = access_of(disclosing.guard.operation, disclosing.guard.purpose, caller, VERSION, at=disclosing.at)
    bound = {
        **standing_parameters(caller),
        **access.parameters(),
        "caller_model": caller.model,
        "now": held.now(),
        **parameters,
    }
    rows = prepared.release.fetch(held.database.release, bound)
    _raise_unless_released(rows[0], disclosing.guard)
    members = [row for row in rows if row[ROW_MEMBER] is not None]
    said = members[:limit]
    metrics.released(caller.audience, len(said))
    documents = prepared.serialise(said, tools_of(held, rows[0][CALLER]))
    last_keys = prepared.release.keys(said[-1]) if said else []
    footing = prepared.release.footing(rows[0])
    return Released(documents, has_more=len(members) > limit, last_keys=last_keys, footing=footing)


def answer(
    statement: Recording, disclosing: Disclosing, parameters: Mapping[str, Any], *, patient: bool = False
) -> list[Row]:
    """Answer with what is about no single member, and record it in the same statement; raise a refusal.

    The first row is always there, and has the outcome. `patient` is for sums that may take a while.
    """
    held, caller = runtime(), disclosing.caller
    access = access_of(disclosing.guard.operation, disclosing.guard.purpose, caller, VERSION, at=disclosing.at)
    bound = {**standing_parameters(caller), **access.parameters(), "now": held.now(), **parameters}
    rows = statement.fetch(held.database.sums if patient else held.database.release, bound)
    _raise_unless_released(rows[0], disclosing.guard)
    return rows


def _raise_unless_released(first: Sequence[Any], guard: Guard) -> None:
    if first[OUTCOME] == Outcome.DENIED:
        metrics.denied(Reason(first[REASON]))
        raise refusal(Reason(first[REASON]), *guard.needed)
    if first[OUTCOME] == Outcome.NOT_FOUND:
        raise not_found()


def tools_of(held: Runtime, partner: int) -> Tools:
    """What puts stored values into words for one partner."""
    return Tools(partial(held.references.refs, partner), unseal=lambda sealed: held.keyring.unseal(sealed).decode())
