"""What people do with alerts, what that does to the next ones, and alerts about the log itself."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from partners.access_log.identifiers import parse
from partners.detections import alerts, rules
from partners.detections.alerts import Alert, AlertError, Wanted
from partners.detections.gaps import gaps
from partners.detections.running import detect
from partners.detections.sketch import BITS, REGISTERS, Sketch
from partners.detections.suspicions import Whom
from partners.rights.retention import sweep
from partners.tables.access import access_log
from partners.tables.detections import client_network, detection_progress, partner_day, partner_hour
from partners.vocabulary import AlertState, Detection, PartnerKind, Tier
from tests.factories import add_member, add_model, add_relation
from tests.partners.detections.pasts import AN_HOUR_AGO, DAY, MINUTE, NOW, Call, Past, office_days, own_record

LATER = NOW + 10 * MINUTE


def much(members: int, *, at: Any = AN_HOUR_AGO, first: int = 1) -> list[Call]:
    starts = range(first, first + members, 40)
    pages = [tuple(range(start, min(start + 40, first + members))) for start in starts]
    return [Call(at + timedelta(seconds=n), page) for n, page in enumerate(pages)]


@pytest.fixture
def told(past: Past) -> Alert:
    """A partner with ninety members in a day, who usually has 48."""
    past.partner()
    past.happen(office_days(12))
    past.happen([Call(NOW - 40 * DAY), *much(80)])
    (alert,) = past.detect()
    return alert


def close(past: Past, alert: Alert, note: str = "a migration", **how: Any) -> Alert:
    with past.log.engines.write.begin() as connection:
        access = own_record("audit.close", NOW)
        usual = {"by": "ada", "note": note, "false_positive": True, "access": access}
        return alerts.close(connection, alert.public_id, **(usual | how))


def operations(past: Past) -> list[str]:
    with past.log.engines.write.connect() as connection:
        asked = select(access_log.c.operation).where(access_log.c.operation.startswith("audit."))
        return sorted(connection.execute(asked).scalars())


def test_an_alert_is_acknowledged_and_closed_on_record(past: Past, told: Alert) -> None:
    with past.log.engines.write.begin() as connection:
        seen = alerts.acknowledge(connection, told.public_id, by="ada", access=own_record("audit.acknowledge", NOW))
        assert alerts.unsettled_by_tier(connection) == {Tier.QUEUE: 1, Tier.PAGE: 0}
    closed = close(past, told, false_positive=False)

    assert (seen.state, seen.acknowledged_by, seen.acknowledged_at) == (AlertState.ACKNOWLEDGED, "ada", NOW)
    assert (closed.state, closed.closed_by, closed.note) == (AlertState.CLOSED, "ada", "a migration")
    assert operations(past) == ["audit.acknowledge", "audit.close", "audit.detect", "audit.raise"]
    with past.log.engines.write.connect() as connection:
        assert alerts.unsettled_by_tier(connection) == {Tier.QUEUE: 0, Tier.PAGE: 0}
        assert alerts.floors(connection, now=NOW) == []


@pytest.mark.parametrize(
    ("identifier", "note", "why"),
    [
        (None, " ", "a note has 1 to 500 printable characters"),
        (None, "x" * 501, "a note has 1 to 500 printable characters"),
        (None, "a\x1b[2J", "a note has 1 to 500 printable characters"),
        ("alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6", "x", "no alert"),
        ("alr_", "x", "no alert"),
    ],
)
def test_what_cannot_be_closed_is_said(past: Past, told: Alert, *, identifier: str | None, note: str, why: str) -> None:
    asked = replace(told, id=parse(alerts.PREFIX, identifier) or UUID(int=0)) if identifier else told

    with pytest.raises(AlertError, match=why):
        close(past, asked, note=note)


def test_what_is_closed_is_not_closed_again(past: Past, told: Alert) -> None:
    close(past, told)

    with pytest.raises(AlertError, match="was closed by ada"):
        close(past, told)


def test_a_false_positive_raises_the_floor_visibly_until_it_expires(past: Past, told: Alert) -> None:
    close(past, told)
    with past.log.engines.write.connect() as connection:
        (floor,) = alerts.floors(connection, now=NOW)
    assert (floor.rule, floor.whom, floor.alert, floor.set_by) == (Detection.VOLUME, Whom("w1"), told.id, "ada")
    assert floor.value == told.measured * rules.MARK

    past.happen(much(10, at=AN_HOUR_AGO + MINUTE, first=200))
    assert past.detect(now=LATER) == []
    past.happen(much(120, at=AN_HOUR_AGO + 2 * MINUTE, first=300))
    (above,) = past.detect(now=LATER + MINUTE)
    assert (above.id, above.state, above.figures["floor"]) == (told.id, AlertState.OPEN, floor.value)
    assert (above.closed_at, above.closed_by, above.note) == (None, None, None)

    with past.log.engines.write.connect() as connection:
        assert alerts.floors(connection, now=NOW + rules.MARK_KEPT) == []


def test_a_floor_that_expired_is_not_raised_again(past: Past, told: Alert) -> None:
    past.log.sql(
        "INSERT INTO alert_floor (rule, partner, client, model, network, value, until, alert, set_at, set_by)"
        " VALUES (:rule, 'w1', '', '', '', 9999, :now, :alert, :now, 'ada')", rule=told.rule, now=NOW, alert=told.id,
    )  # fmt: skip

    close(past, told)

    with past.log.engines.write.connect() as connection:
        (floor,) = alerts.floors(connection, now=NOW)
    assert floor.value == told.measured * rules.MARK


def test_a_mark_on_one_models_sweep_leaves_those_of_others_to_be_told(past: Past) -> None:
    past.partner("studio", PartnerKind.MODEL_CENTER)
    center: dict[str, Any] = {"audience": PartnerKind.MODEL_CENTER, "operation": "card.list", "partner": "studio"}
    with past.log.engines.write.begin() as connection:
        members = [add_member(connection, f"m{number}") for number in range(70)]
        for model in ("aurora", "luna"):
            number = add_model(connection, model)
            for member in members:
                add_relation(connection, number, member)
    past.happen(office_days(members=600, **center, model="stella"))
    past.happen(replace(call, **center, model="aurora") for call in much(70))
    (marked,) = past.detect()
    close(past, marked)
    assert past.detect(now=LATER) == []

    past.happen(replace(call, **center, model="luna") for call in much(70, at=AN_HOUR_AGO + MINUTE))

    (other,) = past.detect(now=LATER + MINUTE)
    assert (other.rule, marked.model, other.model, other.figures["floor"]) == (Detection.SWEEP, "aurora", "luna", 0)


def test_a_new_network_is_told_whatever_was_marked_of_another(past: Past) -> None:
    past.partner()
    past.happen(office_days())
    past.happen([Call(AN_HOUR_AGO, (1,), ip="203.0.113.9")])
    (marked,) = past.detect()
    close(past, marked)
    assert past.detect(now=LATER) == []

    past.happen([Call(NOW + DAY, (1,), ip="198.51.100.9")])

    (other,) = past.detect(now=NOW + DAY + MINUTE)
    assert (other.rule, other.network, other.figures["floor"]) == (Detection.NEW_NETWORK, "198.51.100.0/24", 0)


def test_a_floor_is_ended_on_record(past: Past, told: Alert) -> None:
    close(past, told)
    with past.log.engines.write.begin() as connection:
        alerts.lower(connection, told.public_id, access=own_record("audit.lower", NOW))
        assert alerts.floors(connection, now=NOW) == []
        with pytest.raises(AlertError, match=f"no floor is raised by {told.public_id}"):
            alerts.lower(connection, told.public_id, access=own_record("audit.lower", NOW))
    assert operations(past).count("audit.lower") == 1
    assert [each.id for each in past.detect(now=LATER)] == [told.id]


def test_an_alert_that_gets_worse_pages_once(past: Past, told: Alert) -> None:
    assert told.tier is Tier.QUEUE
    past.happen(much(300, at=AN_HOUR_AGO + MINUTE, first=200))

    (worse,) = past.detect(now=LATER)

    assert (worse.id, worse.tier) == (told.id, Tier.PAGE)
    assert worse.measured > 2 * told.measured
    past.happen(much(300, at=AN_HOUR_AGO + 2 * MINUTE, first=600))
    assert past.detect(now=LATER + MINUTE) == []


def test_a_search_narrows_and_goes_on(past: Past, told: Alert) -> None:
    def found(**wanted: Any) -> list[Alert]:
        with past.log.engines.write.connect() as connection:
            return alerts.find(connection, Wanted(**wanted), limit=10)

    assert found() == found(states=[AlertState.OPEN], tier=Tier.QUEUE, rule=Detection.VOLUME, partner="w1") == [told]
    assert found(tier=Tier.PAGE) == found(partner="w2") == found(after=told.id) == []
    assert found(states=[AlertState.CLOSED]) == found(rule=Detection.SWEEP) == []


def test_first_days_are_held_against_peers(past: Past) -> None:
    for name in ("w1", "w2", "new"):
        past.partner(name)
    past.happen(call for name in ("w1", "w2") for call in office_days(20, partner=name))
    past.happen([replace(call, partner="new") for call in much(80)])

    (alert,) = past.detect()

    assert (alert.partner, alert.rule, alert.figures["of_peers"]) == ("new", Detection.VOLUME, True)


def test_without_anything_to_hold_it_against_nothing_is_told(past: Past) -> None:
    past.partner()
    past.happen([Call(NOW - 2 * DAY), *much(400)])

    assert past.detect() == []


def test_a_record_that_waits_for_the_sequencer_pages(past: Past) -> None:
    past.partner()
    past.happen([Call(AN_HOUR_AGO)])
    past.log.sql("UPDATE log_checkpoint SET at = :at", at=AN_HOUR_AGO)
    past.log.add(at=NOW - 2 * MINUTE)
    waited: list[float] = []

    (lag,) = gaps(past.log.engines.write, None, now=NOW + DAY, wait=waited.append)

    assert (lag.rule, lag.tier, lag.figures["what"]) == (Detection.GAP, Tier.PAGE, "seal_lag")
    assert lag.measured == (DAY + 2 * MINUTE).total_seconds()
    assert len(waited) == 1
    assert gaps(past.log.engines.write, None, now=NOW + DAY, wait=lambda _: past.log.seal() and None) == []


def test_a_record_that_is_sealed_while_another_comes_is_no_gap(past: Past) -> None:
    past.log.add(at=NOW - 2 * MINUTE)

    def go_on(_: float) -> None:
        past.log.seal()
        past.log.sql("UPDATE log_checkpoint SET at = :at", at=AN_HOUR_AGO)
        past.log.add(at=NOW - 2 * MINUTE)

    assert gaps(past.log.engines.write, None, now=NOW, wait=go_on) == []
    assert [each.figures["what"] for each in gaps(past.log.engines.write, None, now=NOW, wait=lambda _: None)] == [
        "seal_lag"
    ]


def test_a_record_that_never_got_into_the_sealed_log_pages(past: Past) -> None:
    """Deleted before it was sealed: nothing in the tree tells."""
    past.partner()
    past.happen([Call(AN_HOUR_AGO)])
    assert past.detect() == []
    assert past.detect(now=LATER) == []

    detect(past.log.engines.write, now=LATER + MINUTE, recorded=own_record)
    (left,) = past.log.sql("SELECT * FROM detection_progress")
    past.log.sql("UPDATE log_checkpoint SET at = now() + interval '1 day'")
    assert gaps(past.log.engines.write, left, now=LATER + 10 * MINUTE, wait=lambda _: None) == []
    past.log.sql("DELETE FROM access_log WHERE at = :at AND operation = 'audit.detect'", at=LATER + MINUTE)
    past.log.seal()
    (alert,) = past.detect(now=LATER + 10 * MINUTE)

    assert (alert.rule, alert.tier, alert.figures) == (Detection.GAP, Tier.PAGE, {"what": "heartbeat"})


def test_entries_are_counted_once_whoever_else_runs(past: Past) -> None:
    past.partner()
    past.happen(office_days(3))
    with past.log.engines.write.connect() as guard, guard.begin():
        guard.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x44455443})
        assert detect(past.log.engines.write, now=NOW, recorded=own_record) is None
    past.detect()
    past.detect(now=LATER)
    assert detect(past.log.engines.write, now=LATER + MINUTE, recorded=own_record, every=5 * MINUTE) is None

    with past.log.engines.write.connect() as connection:
        assert connection.scalar(select(func.sum(partner_hour.c.requests))) == 3
        assert connection.scalar(select(detection_progress.c.next_index)) == 4


def test_networks_go_after_120_days_and_so_does_the_alerts(past: Past, told: Alert) -> None:
    past.log.sql("UPDATE alert SET network = '192.0.2.0/24'")
    past.make_room(NOW + 121 * DAY)

    def networks() -> tuple[Any, Any]:
        with past.log.engines.write.connect() as connection:
            kept = connection.scalar(select(func.count()).select_from(client_network))
            return kept, alerts.find_by_id(connection, told.id).network

    sweep(past.log.engines.write, now=NOW, real_now=NOW + 119 * DAY)
    assert networks() == (1, "192.0.2.0/24")
    sweep(past.log.engines.write, now=NOW, real_now=NOW + 121 * DAY)
    assert networks() == (0, None)


@pytest.mark.usefixtures("told")
def test_sketches_of_members_go_once_their_day_is_over_and_counts_once_no_rule_asks_for_them(past: Past) -> None:
    past.make_room(NOW + 91 * DAY)

    def kept(days: int) -> tuple[int, int, int]:
        """Sketches, days and hours that are left after so many days."""
        sweep(past.log.engines.write, now=NOW, real_now=NOW + days * DAY)
        counts = (func.count(partner_day.c.sketch), func.count())
        with past.log.engines.write.connect() as connection:
            sketches, whole_days = connection.execute(select(*counts).select_from(partner_day)).one()
            return sketches, whole_days, connection.scalar(select(func.count()).select_from(partner_hour)) or 0

    sketches, whole_days, hours = kept(0)
    assert 0 < sketches < whole_days
    assert kept(4) == (0, whole_days, hours)
    assert kept(49) == (0, whole_days, hours)
    assert kept(92) == (0, 0, 0)


def test_a_sketch_tells_the_size_to_a_few_per_cent() -> None:
    random, errors = Random(3), []  # noqa: S311 - no secret
    for size in (1, 7, 40, 300, 2_000, 20_000, 150_000):
        sketch = Sketch()
        registers = [(random.getrandbits(BITS), 54 - random.getrandbits(53).bit_length()) for _ in range(size)]
        sketch.add(registers)
        sketch.add(registers[: size // 2])
        errors.append(abs(Sketch(sketch.stored()).size() - size) / size)

    assert errors[:3] == [0, 0, 0]
    assert max(errors) < 4 / REGISTERS**0.5
    assert all(one.name != other.name for one, other in pairwise(rules.RULES))
    assert {rule.name for rule in rules.RULES} == set(Detection)
