"""Statistics against plain Python: random events, groupings, filters, orders and zones, and the laws they obey."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from partners.postgres.database import Database
from partners.rights.erasure import carry_out
from partners.statistics import Choice, Question, Sort
from partners.tables.activity import ledger_entry, registration
from partners.tables.statistics import statement_total, statistic
from partners.vocabulary import Metric, StatisticsFilter, StatisticsGroup
from tests.factories import (
    add_campaign,
    add_member,
    add_partner,
    add_purchase,
    add_registration,
    add_reversal,
    add_traffic,
    count_events,
    set_usage_clock,
)
from tests.partners.statistics_asking import Told, ask
from tests.partners.statistics_oracle import LAPSED, SUBS, WEBMASTERS, ZONES, World, expected, questions, worlds
from tests.recounting import recount
from tests.sampling import samples

DAY, MONTH, WEEK, HOUR = (StatisticsGroup(name) for name in ("day", "month", "week", "hour"))
SUB1, CAMPAIGN, COUNTRY = (StatisticsGroup(name) for name in ("sub1", "campaign", "country"))
Figures = dict[str, int | None]


@dataclass(frozen=True)
class Stage:
    """Webmasters, campaigns and members in a database: what random events are about."""

    db: Database
    webmasters: dict[str, int]
    campaigns: dict[tuple[str, str | None], int]
    members: list[int]

    @contextmanager
    def played(self, world: World) -> Iterator[Connection]:
        """The world's events, stored and counted, until the block ends."""
        with self.db.write.connect() as connection:
            entries = [self._stored(row) | {"purchase_id": f"p{number}"} for number, row in enumerate(world.entries)]
            connection.execute(insert(registration), [self._stored(row) for row in world.registrations])
            connection.execute(insert(ledger_entry), entries)
            for (owner, code, slot), (clicks, unique) in world.traffic.items():
                add_traffic(connection, self.campaigns[owner, code], slot, clicks=clicks, unique_clicks=unique)
            count_events(connection)
            yield connection
            connection.rollback()

    def _stored(self, row: dict[str, Any]) -> dict[str, Any]:
        owner, code = row["referral"]
        member = self.members[row["member"]] if row["member"] is not None else None
        numbers = {"webmaster": self.webmasters[owner], "campaign": self.campaigns.get((owner, code))}
        return {name: value for name, value in row.items() if name != "referral"} | numbers | {"member": member}


@pytest.fixture(scope="module")
def stage(module_db: Database) -> Stage:
    with module_db.write.begin() as connection:
        webmasters = {name: add_partner(connection, name) for name in WEBMASTERS}
        campaigns: dict[tuple[str, str | None], int] = {
            (name, code): add_campaign(connection, webmasters[name], code)
            for name, codes in WEBMASTERS.items()
            for code in codes
        }
        members = [
            add_member(connection, f"m{number}", webmaster=webmasters["w1"], **columns)
            for number, columns in enumerate(SUBS)
        ]
        for number, member in enumerate(members):
            ago = timedelta(days=121 if number == LAPSED else 0)
            set_usage_clock(connection, member, usage_clock_at=datetime.now(UTC) - ago)
    return Stage(module_db, webmasters, campaigns, members)


def pages(connection: Connection, question: Question) -> Iterator[Told]:
    position = None
    while True:
        answer = ask(connection, "w1", question, position)
        yield answer
        if not answer.has_more:
            return
        position = answer.position


def figures_of(answer: Told) -> dict[Any, Figures]:
    """The figures that are not zero, by groups and currency."""
    return {
        (*line.groups, line.currency): {
            metric.value: figure for metric, figure in zip(Metric, line.figures, strict=True) if figure
        }
        for line in answer.lines
    }


@pytest.mark.slow
@given(st.data(), worlds())
@settings(max_examples=samples(30), deadline=None)
def test_answers_are_those_of_plain_python(stage: Stage, data: st.DataObject, world: World) -> None:
    with stage.played(world) as connection:
        for question in data.draw(st.lists(questions(world.start), min_size=1, max_size=3)):
            rows, totals = expected(world, "w1", question)

            answers = list(pages(connection, question))

            assert [line for answer in answers for line in answer.lines] == rows
            assert all(answer.totals == totals for answer in answers)
            assert all(len(answer.lines) == question.limit for answer in answers[:-1])


@given(worlds())
@settings(max_examples=samples(10), deadline=None)
def test_a_recount_changes_nothing(stage: Stage, world: World) -> None:
    with stage.played(world) as connection:
        tables = (statistic, statement_total)
        before = [set(connection.execute(select(table)).all()) for table in tables]

        recount(connection)

        assert [set(connection.execute(select(table)).all()) for table in tables] == before


@given(st.data(), worlds())
@settings(max_examples=samples(10), deadline=None)
def test_days_add_up_to_months_and_weeks_and_rows_to_totals(stage: Stage, data: st.DataObject, world: World) -> None:
    question = data.draw(questions(world.start))
    with stage.played(world) as connection:
        by_day, by_week, by_month = (
            ask(connection, "w1", replace(question, groups=(group, COUNTRY), sort=None, limit=1_000))
            for group in (DAY, WEEK, MONTH)
        )

    def added_up(answer: Told, period: Any) -> dict[Any, list[int]]:
        sums: dict[Any, list[int]] = {}
        for line in answer.lines:
            key = (period(line.groups[0]), line.groups[1], line.currency)
            figures = [figure or 0 for figure in line.figures]
            sums[key] = [a + b for a, b in zip(sums.get(key, [0] * len(figures)), figures, strict=True)]
        return sums

    assert added_up(by_day, lambda day: day.replace(day=1)) == added_up(by_month, lambda month: month)
    assert added_up(by_day, lambda day: day - timedelta(days=day.weekday())) == added_up(by_week, lambda week: week)
    for answer in (by_day, by_week, by_month):
        for total in answer.totals:
            rows = [line.figures for line in answer.lines if line.currency == total.currency]
            assert [sum(figure or 0 for figure in column) for column in zip(*rows, strict=True)] == [
                figure or 0 for figure in total.figures
            ] or (not rows and not any(total.figures))


@given(worlds())
@settings(max_examples=samples(5), deadline=None)
def test_every_zone_gives_the_same_totals_over_the_same_instants(stage: Stage, world: World) -> None:
    whole = Question(world.start.date() - timedelta(days=2), world.start.date() + timedelta(days=9), ZoneInfo("UTC"))
    with stage.played(world) as connection:
        totals = [ask(connection, "w1", replace(whole, zone=ZoneInfo(zone))).totals for zone in ZONES]

    assert all(each == totals[0] for each in totals)


def quarters(start: datetime, count: int) -> list[datetime]:
    return [start + timedelta(minutes=15 * number) for number in range(count)]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "twice"),
    [
        ("Europe/Luxembourg", date(2026, 3, 29), 23, set()),
        ("Europe/Luxembourg", date(2026, 10, 25), 25, {"2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"}),
        ("Asia/Kathmandu", date(2026, 10, 25), 24, set()),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5, {"2026-04-05T01:00+11:00", "2026-04-05T01:00+10:30"}),
    ],
)
def test_a_local_day_has_as_many_hours_as_it_has(
    stage: Stage, zone: str, *, day: date, hours: float, twice: set[str]
) -> None:
    """A click in every quarter hour of three days."""
    with stage.db.write.connect() as connection:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
        for slot in quarters(start, 3 * 96):
            add_traffic(connection, stage.campaigns["w1", "spring"], slot)
        question = Question(day, day, ZoneInfo(zone))

        by_day = figures_of(ask(connection, "w1", question))
        by_hour = [line.groups[0] for line in ask(connection, "w1", replace(question, groups=(HOUR,))).lines]

    assert by_day == {(day, None): {"clicks": hours * 4, "unique_clicks": hours * 4}}
    assert by_hour == sorted(by_hour)
    labels = [hour.isoformat(timespec="minutes") for hour in by_hour]
    assert len(set(labels)) == len(labels)
    assert twice <= set(labels)


def test_what_counted_stays_counted_and_what_is_withheld_never_counts(stage: Stage) -> None:
    """R10: opted out between two purchases, the first stays in the statistics, the second is in the statement alone."""
    with stage.db.write.connect() as connection:
        member = stage.members[0]
        add_purchase(connection, member, "p1", income=500, first=True)
        add_purchase(connection, member, "p2", income=700, counted=False, at=datetime(2026, 10, 21, tzinfo=UTC))
        add_reversal(connection, "p2", counted=False)
        count_events(connection)

        found = figures_of(ask(connection, "w1", Question(date(2026, 10, 1), date(2026, 10, 31), ZoneInfo("UTC"))))
        income = connection.execute(select(statement_total.c.earned, statement_total.c.reversed)).one()

    bought: Figures = {"first_purchases": 1, "purchases": 1, "credits": 60, "amount": 2940, "income": 500}
    assert found == {(date(2026, 10, 20), "EUR"): bought}
    assert tuple(income) == (1_200, -700)


def test_an_erasure_takes_the_sub_ids_and_leaves_the_sums(db: Database, keyring: Any) -> None:
    """R50, contract §9."""
    question = Question(date(2026, 10, 1), date(2026, 10, 31), ZoneInfo("UTC"), groups=(SUB1,))
    with db.write.begin() as connection:
        webmaster = add_partner(connection)
        member = add_member(connection, webmaster=webmaster, sub1="banner-7")
        add_registration(connection, member)
        add_purchase(connection, member)
        count_events(connection)
        before = ask(connection, "w1", question)
        by_day = ask(connection, "w1", replace(question, groups=(DAY,)))
        carry_out(connection, member, keyring, datetime(2026, 11, 1, tzinfo=UTC))

        after = ask(connection, "w1", question)

        assert {line.groups for line in before.lines} == {("banner-7",)}
        assert {line.groups for line in after.lines} == {(None,)}
        assert [line.figures for line in after.lines] == [line.figures for line in before.lines]
        assert before.totals == after.totals == by_day.totals
        assert ask(connection, "w1", replace(question, groups=(DAY,))) == by_day
        recount(connection)
        assert ask(connection, "w1", replace(question, groups=(DAY,))) == by_day


def test_a_filter_drops_what_is_null_and_an_exclusion_keeps_it(stage: Stage) -> None:
    october = Question(date(2026, 10, 1), date(2026, 10, 31), ZoneInfo("UTC"), groups=(COUNTRY,))
    with stage.db.write.connect() as connection:
        add_traffic(connection, stage.campaigns["w1", "spring"], datetime(2026, 10, 1, tzinfo=UTC))
        for place, country in enumerate(("LU", "FR")):
            add_registration(connection, stage.members[place], country=country)
        count_events(connection)

        def countries(name: StatisticsFilter, *values: str, excludes: bool = False) -> set[Any]:
            asked = replace(october, filters={name: Choice(values, excludes)})
            return {line.groups[0] for line in ask(connection, "w1", asked).lines}

        assert countries(StatisticsFilter.COUNTRY, "LU") == {"LU"}
        assert countries(StatisticsFilter.COUNTRY, "LU", excludes=True) == {"FR", None}
        assert countries(StatisticsFilter.COUNTRY, "LU", "FR") == {"LU", "FR"}
        assert countries(StatisticsFilter.CURRENCY, "EUR") == set()
        assert countries(StatisticsFilter.CURRENCY, "EUR", excludes=True) == {"LU", "FR", None}
        assert countries(StatisticsFilter.DEVICE_TYPE, "mobile") == set()


def test_money_is_ordered_by_its_face_value(stage: Stage) -> None:
    """500 yen are more than 4.99 euros, and those more than 1.234 dinars."""
    question = Question(date(2026, 10, 20), date(2026, 10, 20), ZoneInfo("UTC"), sort=Sort(Metric.AMOUNT))
    with stage.db.write.connect() as connection:
        add_traffic(connection, stage.campaigns["w1", "spring"], datetime(2026, 10, 20, tzinfo=UTC))
        for currency, amount in (("JPY", 500), ("EUR", 499), ("KWD", 1_234)):
            add_purchase(connection, stage.members[0], currency, currency=currency, amount=amount)
        count_events(connection)

        upwards, downwards = (
            [line.currency for answer in pages(connection, asked) for line in answer.lines]
            for asked in (replace(question, limit=1), replace(question, sort=Sort(Metric.AMOUNT, descending=True)))
        )

    assert upwards == ["KWD", "EUR", "JPY", None]
    assert downwards == ["JPY", "EUR", "KWD", None]


def test_nothing_happened_is_no_row_and_one_total_of_nothing(stage: Stage) -> None:
    with stage.db.write.connect() as connection:
        add_traffic(connection, stage.campaigns["w1", "spring"], datetime(2026, 10, 1, tzinfo=UTC), clicks=0,
                    unique_clicks=0)  # fmt: skip

        answer = ask(connection, "w1", Question(date(2026, 10, 1), date(2026, 10, 1), ZoneInfo("UTC")))
        skipped = ask(connection, "w1", Question(date(2011, 12, 30), date(2011, 12, 30), ZoneInfo("Pacific/Apia")))

    assert answer.lines == skipped.lines == []
    assert [(line.currency, set(line.figures)) for line in answer.totals] == [(None, {0, None})]
    assert answer.totals == skipped.totals


def test_how_far_the_feed_has_come_never_goes_back(stage: Stage) -> None:
    question = Question(date(2026, 10, 1), date(2026, 10, 1), ZoneInfo("UTC"))
    instants = [datetime(2026, 10, day, tzinfo=UTC) for day in (2, 1)]
    with stage.db.write.connect() as connection:
        assert ask(connection, "w1", question).through is None
        for instant in instants:
            count_events(connection, through=instant)

        assert ask(connection, "w1", question).through == max(instants)
