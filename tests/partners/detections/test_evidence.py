"""An alert names the records that show it, and no others."""

from dataclasses import replace
from typing import Any

import pytest

from partners.access_log.append import record
from partners.detections import rules
from partners.detections.evidence import MOST, evidence_of
from partners.detections.suspicions import Evidence, Suspicion, Whom, Window
from partners.vocabulary import Detection, Outcome, PartnerKind, Reason, Tier
from tests.partners.detections.pasts import AN_HOUR_AGO, MINUTE, Call, Past, access_of

WINDOW = Window(AN_HOUR_AGO, AN_HOUR_AGO + 10 * MINUTE)
SHOWN = AN_HOUR_AGO + MINUTE
REFUSED: dict[str, Any] = {"outcome": Outcome.DENIED, "status": 403, "reason": Reason.INSUFFICIENT_SCOPE}
MISSED: dict[str, Any] = {"outcome": Outcome.NOT_FOUND, "status": 404, "reason": Reason.NOT_REFERRED}
STUDIO: dict[str, Any] = {"audience": PartnerKind.MODEL_CENTER}
BULK = tuple(range(1, rules.BULK + 1))


def suspicion(evidence: Evidence = Evidence.RELEASES, *, network: str | None = None, **whom: str) -> Suspicion:
    about = Whom(**({"partner": "w1"} | whom))
    told: dict[str, Any] = {"measured": 1, "threshold": 1, "summary": ""}
    return Suspicion(Detection.VOLUME, Tier.QUEUE, about, WINDOW, evidence=evidence, network=network, **told)


def happened(past: Past, call: Call, **facts: Any) -> str:
    """Append a record, and return its request."""
    access = replace(access_of(call), **facts)
    told: dict[str, Any] = {"outcome": call.outcome, "status": call.status, "reason": call.reason}
    with past.log.engines.write.begin() as connection:
        record(connection, access, members=call.members, **told)
    return access.request_id


def shown(past: Past, about: Suspicion) -> tuple[list[str], int]:
    """The requests of the records that are named, and how many there are."""
    with past.log.engines.write.connect() as connection:
        records, count = evidence_of(connection, about)
    requests = {row.id: row.request_id for row in past.log.sql("SELECT id, request_id FROM access_log")}
    return [requests[each] for each in records], count


@pytest.mark.parametrize(
    ("about", "call", "other", "facts"),
    [
        (suspicion(), Call(AN_HOUR_AGO, (1,)), Call(WINDOW.until, (1,)), {}),
        (suspicion(), Call(SHOWN, (1,)), Call(AN_HOUR_AGO - MINUTE, (1,)), {}),
        (suspicion(), Call(SHOWN, (1,)), Call(SHOWN, (1,), partner="w2"), {}),
        (suspicion(), Call(SHOWN, (1,)), Call(SHOWN), {}),
        (suspicion(client="client-w1"), Call(SHOWN, (1,)), Call(SHOWN, (1,)), {"client": "another"}),
        (suspicion(model="a"), Call(SHOWN, (1,), model="a", **STUDIO), Call(SHOWN, (1,), model="b", **STUDIO), {}),
        (suspicion(network="192.0.2.0/24"), Call(SHOWN, (1,)), Call(SHOWN, (1,), ip="192.0.3.7"), {}),
        (suspicion(Evidence.BULK), Call(SHOWN, BULK), Call(SHOWN, BULK[1:]), {}),
        (suspicion(Evidence.MISSES), Call(SHOWN, operation="card.get", **MISSED), Call(SHOWN, **MISSED), {}),
        (suspicion(Evidence.REFUSALS), Call(SHOWN, **REFUSED), Call(SHOWN, (1,)), {}),
        (suspicion(Evidence.REFUSALS), Call(SHOWN, **REFUSED), Call(SHOWN, operation="oauth.consent", **REFUSED), {}),
        (suspicion(Evidence.EVERYTHING), Call(SHOWN), Call(SHOWN, partner="w2"), {}),
    ],
)
def test_the_records_that_show_it_are_named_alone(
    past: Past, *, about: Suspicion, call: Call, other: Call, facts: dict[str, Any]
) -> None:
    happened(past, other, **facts)
    mine = happened(past, call)

    assert shown(past, about) == ([mine], 1)


def test_of_many_releases_the_largest_are_named_and_all_counted(past: Past) -> None:
    small = [happened(past, Call(SHOWN, (1,))) for _ in range(MOST)]
    large = happened(past, Call(SHOWN + MINUTE, (1, 2)))

    named, count = shown(past, suspicion())

    assert (named[0], len(named), count) == (large, MOST, MOST + 1)
    assert set(named[1:]) < set(small)


def test_of_anything_else_the_first_are_named(past: Past) -> None:
    later, earlier = (happened(past, Call(at, **REFUSED)) for at in (SHOWN + MINUTE, SHOWN))

    assert shown(past, suspicion(Evidence.REFUSALS)) == ([earlier, later], 2)
