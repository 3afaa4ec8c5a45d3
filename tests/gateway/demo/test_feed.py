"""The demo's feed: real purchases with their gaps, the same bytes for the same day, and nothing after it."""

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from gateway.demo.cast import CAST
from gateway.demo.feed import feed
from gateway.demo.members import members

TODAY = date(2026, 11, 1)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return [json.loads(line) for delivery in feed(TODAY) for line in delivery.lines.splitlines()]


def test_the_same_day_gives_the_same_bytes() -> None:
    assert list(feed(TODAY)) == list(feed(TODAY))
    assert list(feed(TODAY)) != list(feed(TODAY + timedelta(days=1)))


def test_each_delivery_is_a_month_and_ends_with_its_last_event() -> None:
    for delivery in feed(TODAY):
        times = [datetime.fromisoformat(json.loads(line)["time"]) for line in delivery.lines.splitlines()]

        assert times[-1] == delivery.until
        assert {(at.year, at.month) for at in times} == {(delivery.until.year, delivery.until.month)}


def test_every_event_lies_before_the_demo_and_they_come_in_order(events: list[dict[str, Any]]) -> None:
    times = [datetime.fromisoformat(event["time"]) for event in events]

    assert times == sorted(times)
    assert max(times) < datetime(2026, 11, 1, tzinfo=UTC)
    assert len({event["id"] for event in events}) == len(events)


def test_what_webmasters_read_of_a_purchase_does_not_name_its_member(events: list[dict[str, Any]]) -> None:
    """R1: a member is an opaque `ref` to them."""
    bought = [event for event in events if event["type"] == "credits.purchased"]

    assert len({event["data"]["purchase_id"] for event in bought}) == len(bought)
    for event in bought:
        assert event["subject"] not in event["data"].values()
        assert re.fullmatch(r"p-[0-9]{6}", event["data"]["purchase_id"])


def test_the_last_purchase_falls_on_the_day_before_and_the_real_gaps_are_kept() -> None:
    with files("gateway.demo").joinpath("purchases.csv").open() as file:
        real: dict[str, list[date]] = {}
        for row in csv.DictReader(file):
            real.setdefault(f"m-{row['customer']}", []).append(date.fromisoformat(row["date"]))

    told = {member.id: [purchase.at.date() for purchase in member.purchases] for member in members(TODAY)}

    assert max(max(days) for days in told.values() if days) == TODAY - timedelta(days=1)
    for member, days in real.items():
        gaps = [later - earlier for earlier, later in pairwise(days)]
        assert [later - earlier for earlier, later in pairwise(told[member])] == gaps


def test_some_members_have_lapsed_and_some_have_not() -> None:
    newest = [max(purchase.at for purchase in member.purchases).date() for member in members(TODAY) if member.purchases]
    lapsed = [day for day in newest if TODAY - day > timedelta(days=120)]

    assert len(newest) > len(lapsed) > 100


def test_usernames_are_unique_and_every_role_is_played() -> None:
    everybody = list(members(TODAY))

    assert len({member.username for member in everybody}) == len(everybody)
    assert {role.id for role in CAST} == {member.id for member in everybody if member.role}


def test_real_user_agents_arrive_as_they_were(events: list[dict[str, Any]]) -> None:
    with files("gateway.demo").joinpath("user_agents.csv").open() as file:
        real = {row["user_agent"]: row["country"] for row in csv.DictReader(file)}

    registered = [event["data"] for event in events if event["type"] == "member.registered"]

    assert len(registered) > 290
    assert all(real[data["user_agent"]] == data["country"] for data in registered)
