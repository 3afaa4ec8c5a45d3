"""One alert for whom, rule and window; what is told is told again only where that is news."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from partners.detections import alerts, rules
from partners.detections.raising import Raised, raise_alerts
from partners.detections.suspicions import Suspicion, Whom, Window
from partners.vocabulary import AlertState, Detection, Tier
from tests.partners.detections.pasts import AN_HOUR_AGO, DAY, MINUTE, NOW, Past, own_record

SHORT = Window(AN_HOUR_AGO, AN_HOUR_AGO + 10 * MINUTE)
LONG = Window(NOW - 3 * DAY, NOW - 2 * DAY)
FIRST = Suspicion(Detection.ENUMERATION, Tier.QUEUE, Whom("w1", "c1"), SHORT, 30, 20, "")
OF_A_DAY = replace(FIRST, rule=Detection.VOLUME, whom=Whom("w1"), window=LONG)


def later(window: Window, by: timedelta) -> Window:
    return Window(window.since + by, window.until + by)


def raised(past: Past, *suspicions: Suspicion) -> list[Raised]:
    with past.log.engines.write.begin() as connection:
        return raise_alerts(connection, suspicions, now=NOW, recorded=own_record)


@pytest.mark.parametrize(
    ("first", "second", "is_told"),
    [
        (FIRST, FIRST, False),
        (FIRST, replace(FIRST, window=later(SHORT, rules.QUIET)), False),
        (FIRST, replace(FIRST, window=later(SHORT, rules.QUIET + 10 * MINUTE)), True),
        (FIRST, replace(FIRST, whom=Whom("w1", "c2")), True),
        (FIRST, replace(FIRST, whom=Whom("w2", "c1")), True),
        (FIRST, replace(FIRST, rule=Detection.PROBING), True),
        (FIRST, replace(FIRST, tier=Tier.PAGE), True),
        (replace(FIRST, tier=Tier.PAGE), FIRST, False),
        (OF_A_DAY, replace(OF_A_DAY, measured=40), False),
        (OF_A_DAY, replace(OF_A_DAY, window=later(LONG, DAY)), True),
    ],
)
def test_an_alert_is_told_once_unless_it_is_another_or_pages(
    past: Past, first: Suspicion, second: Suspicion, *, is_told: bool
) -> None:
    assert len(raised(past, first)) == 1
    assert bool(raised(past, second)) is is_told


@pytest.mark.parametrize(
    ("facts", "is_told"),
    [({}, True), ({"whom": Whom(aspect="seal_lag"), "rule": Detection.GAP}, False)],
)
def test_what_was_marked_as_false_is_told_again_of_a_partner_alone(
    past: Past, facts: dict[str, Any], *, is_told: bool
) -> None:
    """What is above the floor that a mark has set is news; the log itself has none."""
    suspicion = replace(FIRST, **facts)
    (first,) = raised(past, suspicion)
    with past.log.engines.write.begin() as connection:
        access = own_record("audit.close", NOW)
        told: dict[str, Any] = {"by": "ada", "note": "a migration", "false_positive": True, "access": access}
        alerts.close(connection, first.alert.public_id, **told)

    again = raised(past, suspicion)

    assert [(each.alert.id, each.is_new, each.alert.state) for each in again] == (
        [(first.alert.id, False, AlertState.OPEN)] if is_told else []
    )
