"""Attacks replayed over a quiet past: each raises its own alert and no other, with the records that show it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from partners.detections.alerts import Alert
from partners.registry import acts
from partners.registry.acts import Act
from partners.tables.access import access_log
from partners.tables.partner import client_secret, partner
from partners.vocabulary import Detection, Outcome, PartnerKind, Reason, Tier
from tests.conftest import fresh_database
from tests.factories import add_member, add_model, add_relation
from tests.partners.access_log.logs import Log
from tests.partners.detections.pasts import AN_HOUR_AGO, DAY, MINUTE, NOW, Call, Past, office_days

pytestmark = pytest.mark.slow

Attack = Callable[[Connection], list[Call]]
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Told:
    """What an attack comes to."""

    rule: Detection
    tier: Tier
    measured: float
    evidence: int
    by: str | None = "client"
    """Whether it is about a client, a model or the whole partner."""


def pages(last: int, *, size: int = 40) -> list[Call]:
    """Members by number, page by page, within minutes."""
    starts = range(1, last + 1, size)
    each = [tuple(range(start, min(start + size, last + 1))) for start in starts]
    return [Call(AN_HOUR_AGO + n * 10 * SECOND, page) for n, page in enumerate(each)]


def single(count: int, *, first: int = 1, **facts: Any) -> list[Call]:
    """Look-ups one by one."""
    numbers = range(first, first + count)
    return [Call(AN_HOUR_AGO + n * SECOND, (n,), **({"operation": "members.get"} | facts)) for n in numbers]


def missing(count: int, *, at: Any = AN_HOUR_AGO) -> list[Call]:
    """Look-ups of somebody else's members."""
    missed: dict[str, Any] = {"outcome": Outcome.NOT_FOUND, "status": 404, "reason": Reason.NOT_REFERRED}
    return [Call(at + n * 6 * SECOND, operation="members.get", **missed) for n in range(count)]


def nothing_but_office_days(_: Connection) -> list[Call]:
    return pages(50)


def ten_times_the_volume(_: Connection) -> list[Call]:
    return pages(600)


def a_little_more_than_usual(_: Connection) -> list[Call]:
    return pages(90)


def guessing(_: Connection) -> list[Call]:
    return single(8) + missing(80)


def guessing_across_an_hour(_: Connection) -> list[Call]:
    return missing(40, at=NOW - timedelta(hours=1, minutes=2))


def trying_scopes(_: Connection) -> list[Call]:
    refused: dict[str, Any] = {"outcome": Outcome.DENIED, "status": 403, "reason": Reason.INSUFFICIENT_SCOPE}
    return [Call(AN_HOUR_AGO + n * SECOND, operation="card.get", **refused) for n in range(40)]


def everything_there_is(connection: Connection) -> list[Call]:
    """All seventy of its members, not many more than it asks for on other days."""
    asked = select(partner.c.number).where(partner.c.id == everything_there_is.__name__)
    webmaster = connection.execute(asked).scalar_one()
    for number in range(70):
        add_member(connection, f"m{number}", webmaster=webmaster)
    return pages(70)


def one_after_the_other(_: Connection) -> list[Call]:
    return single(70)


def from_elsewhere(_: Connection) -> list[Call]:
    return single(5, ip="203.0.113.9")


def at_night(_: Connection) -> list[Call]:
    night = NOW.replace(hour=2)
    return [Call(night, tuple(range(1, 31))), Call(night + MINUTE, tuple(range(20, 40)))]


def with_a_new_secret(connection: Connection, client: str = "client-with_a_new_secret") -> list[Call]:
    secret = {"client": client, "digest": client.encode(), "created_at": AN_HOUR_AGO - 5 * MINUTE}
    connection.execute(insert(client_secret).values(secret))
    return [Call(AN_HOUR_AGO, tuple(range(1, 61)))]


def with_new_keys(connection: Connection) -> list[Call]:
    act = Act("oauth.clients.rotate", partner="with_new_keys", client="client-with_new_keys")
    acts.note(connection, act, operator="ada", now=AN_HOUR_AGO - 5 * MINUTE)
    return [Call(AN_HOUR_AGO, tuple(range(1, 61)))]


def with_a_new_secret_from_elsewhere(connection: Connection) -> list[Call]:
    calls = with_a_new_secret(connection, "client-with_a_new_secret_from_elsewhere")
    return [replace(each, ip="2001:db8:7::1") for each in calls]


def in_bulk_from_elsewhere(_: Connection) -> list[Call]:
    return [Call(AN_HOUR_AGO, tuple(range(1, 61)), ip="203.0.113.9")]


ATTACKS: dict[Attack, Told | None] = {
    nothing_but_office_days: None,
    ten_times_the_volume: Told(Detection.VOLUME, Tier.PAGE, 600, 15, None),
    a_little_more_than_usual: Told(Detection.VOLUME, Tier.QUEUE, 90, 3, None),
    guessing: Told(Detection.ENUMERATION, Tier.PAGE, 80, 80),
    guessing_across_an_hour: Told(Detection.ENUMERATION, Tier.QUEUE, 40, 40),
    trying_scopes: Told(Detection.PROBING, Tier.QUEUE, 40, 40),
    everything_there_is: Told(Detection.SWEEP, Tier.QUEUE, 70, 2),
    one_after_the_other: Told(Detection.SWEEP, Tier.QUEUE, 69, 70),
    from_elsewhere: Told(Detection.NEW_NETWORK, Tier.QUEUE, 1, 5),
    at_night: Told(Detection.OFF_HOURS, Tier.QUEUE, 50, 2, None),
    with_a_new_secret: Told(Detection.AFTER_CHANGE, Tier.QUEUE, 60, 1),
    with_new_keys: Told(Detection.AFTER_CHANGE, Tier.QUEUE, 60, 1),
    with_a_new_secret_from_elsewhere: Told(Detection.AFTER_CHANGE, Tier.PAGE, 60, 1),
    in_bulk_from_elsewhere: Told(Detection.AFTER_CHANGE, Tier.PAGE, 60, 1),
}


@dataclass
class Aftermath:
    """Every attack, each by a partner of its own that is named after it."""

    past: Past
    before: list[Alert]
    """What was told of the quiet past."""
    told: list[Alert]
    again: list[Alert]
    """What another run tells."""


@pytest.fixture(scope="module")
def aftermath(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    with fresh_database(cluster, template) as url:
        log = Log(url, tmp_path_factory.mktemp("attacks"))
        past, names = Past(log), [attack.__name__ for attack in ATTACKS]
        for name in names:
            past.partner(name)
        past.happen(call for name in names for call in office_days(partner=name))
        before = past.detect()
        with log.engines.write.begin() as connection:
            calls = [replace(call, partner=attack.__name__) for attack in ATTACKS for call in attack(connection)]
        past.happen(calls)
        yield Aftermath(past, before, past.detect(), past.detect(now=NOW + MINUTE))
        log.close()


def test_a_quiet_past_is_not_told_and_nothing_is_told_twice(aftermath: Aftermath) -> None:
    assert aftermath.before == aftermath.again == []


@pytest.mark.parametrize(("attack", "told"), ATTACKS.items(), ids=[attack.__name__ for attack in ATTACKS])
def test_an_attack_raises_its_alert_alone(aftermath: Aftermath, attack: Attack, told: Told | None) -> None:
    found = [alert for alert in aftermath.told if alert.partner == attack.__name__]
    if told is None:
        assert found == []
        return

    (alert,) = found

    assert (alert.rule, alert.tier) == (told.rule, told.tier)
    assert alert.client == (f"client-{alert.partner}" if told.by else None)
    assert alert.measured == pytest.approx(told.measured, rel=0.05)
    assert alert.evidence_count == told.evidence
    assert_evidence_shows_it(aftermath.past, alert)


def assert_evidence_shows_it(past: Past, alert: Alert) -> None:
    with past.log.engines.write.connect() as connection:
        records = connection.execute(select(access_log).where(access_log.c.id.in_(alert.evidence))).all()
    assert len(records) == len(alert.evidence) == min(alert.evidence_count, 50)
    assert {record.partner for record in records} == {alert.partner}
    assert all(alert.since <= record.at < alert.until for record in records)


def test_every_alert_and_every_run_is_on_record(aftermath: Aftermath) -> None:
    raised = select(access_log.c.request_id).where(access_log.c.operation == "audit.raise")
    runs = select(access_log.c.at).where(access_log.c.operation == "audit.detect")
    with aftermath.past.log.engines.write.connect() as connection:
        assert set(connection.execute(raised).scalars()) == {alert.request_id for alert in aftermath.told}
        assert len(connection.execute(runs).all()) == 3


def test_a_network_is_named_that_nobody_called_from(aftermath: Aftermath) -> None:
    networks = {alert.partner: alert.network for alert in aftermath.told if alert.network}

    assert networks == {
        "from_elsewhere": "203.0.113.0/24",
        "in_bulk_from_elsewhere": "203.0.113.0/24",
        "with_a_new_secret_from_elsewhere": "2001:db8:7::/48",
    }


def test_who_sleeps_for_two_months_and_wakes_with_much(past: Past) -> None:
    past.partner()
    past.happen(Call(NOW - 75 * DAY + n * MINUTE, (n,)) for n in range(1, 10))
    past.happen([Call(AN_HOUR_AGO, operation="stats.query"), Call(AN_HOUR_AGO + MINUTE, tuple(range(1, 80)))])

    (alert,) = past.detect()

    assert (alert.rule, alert.tier, alert.client, alert.measured) == (Detection.DORMANT, Tier.PAGE, "client-w1", 79)


def test_a_client_that_was_never_used_sleeps_too(past: Past) -> None:
    past.partner()
    past.happen([Call(AN_HOUR_AGO, tuple(range(1, 80)))])

    assert [alert.rule for alert in past.detect()] == [Detection.DORMANT]


def test_a_model_that_looks_at_all_her_members(past: Past) -> None:
    """The rest of the center goes on as ever."""
    past.partner("studio", PartnerKind.MODEL_CENTER)
    center: dict[str, Any] = {"audience": PartnerKind.MODEL_CENTER, "operation": "card.list", "partner": "studio"}
    with past.log.engines.write.begin() as connection:
        model = add_model(connection, "aurora")
        for number in range(70):
            add_relation(connection, model, add_member(connection, f"m{number}"))
    past.happen(office_days(members=600, **center, model="luna"))
    past.happen(replace(call, **center, model="aurora") for call in pages(70))

    (alert,) = past.detect()

    assert (alert.rule, alert.client, alert.model) == (Detection.SWEEP, None, "aurora")
    assert alert.figures["reachable"] == 70


def test_what_is_done_every_night_is_no_news(past: Past) -> None:
    """A synchronisation: everything, in order, at three, from one new network after the other."""
    past.partner()
    past.happen([Call((NOW - 40 * DAY).replace(hour=3), (1,), ip="198.51.100.1")])
    nights = [(NOW - number * DAY).replace(hour=3) for number in range(15)]
    past.happen(
        Call(night + n * SECOND, (n,), operation="members.get", ip=f"198.51.{number}.1")
        for number, night in enumerate(nights)
        for n in range(1, 57)
    )

    assert past.detect(since=NOW - 6 * DAY) == []
