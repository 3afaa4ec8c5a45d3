"""What members do and spend with models, and the clicks of campaigns."""

from datetime import datetime
from itertools import permutations
from typing import Any

import pytest

from partners.tables.activity import action, model, relation, spending, spending_total, traffic
from partners.vocabulary import Action
from tests.feeding import START, Platform, acted, at, event, registered, spent
from tests.feeding import traffic as clicks


def flags(platform: Platform) -> tuple[bool, ...]:
    (row,) = platform.rows(relation)
    return tuple(row[name] for name in ("favorite", "fan_club", "gift_sent", "privately_chatted"))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (event("model.favorited", model="mdl-1"), (True, False, False, False)),
        (event("model.unfavorited", model="mdl-1"), (False, False, False, False)),
        (event("fanclub.joined", model="mdl-1"), (False, True, False, False)),
        (event("fanclub.left", model="mdl-1"), (False, False, False, False)),
        (event("gift.sent", model="mdl-1"), (False, False, True, False)),
        (acted("private_chat"), (False, False, False, True)),
        (acted("video_call"), (False, False, False, False)),
        (spent(), (False, False, False, False)),
    ],
    ids=lambda value: value["type"] + value["data"].get("action", "") if isinstance(value, dict) else "",
)
def test_any_event_naming_both_makes_a_relation(platform: Platform, document: Any, expected: Any) -> None:
    platform.must(registered(), document)

    assert flags(platform) == expected
    (row,) = platform.rows(relation)
    assert (row["model"], row["member"]) == (platform.model_number(), platform.number())


def test_on_and_off_follow_the_last_writer_in_any_order(platform: Platform) -> None:
    events = [
        event("model.favorited", time=at(hours=1), model="mdl-1"),
        event("model.unfavorited", time=at(hours=2), model="mdl-1"),
        event("fanclub.left", time=at(hours=3), model="mdl-1"),
        event("fanclub.joined", time=at(hours=4), model="mdl-1"),
    ]
    for number, order in enumerate(permutations(events)):
        subject = f"m{number}"
        platform.must(registered(subject))
        platform.must(*({**sent, "subject": subject, "id": f"{subject}{sent['id']}"} for sent in order))

    assert {(row["favorite"], row["fan_club"]) for row in platform.rows(relation)} == {(False, True)}
    assert len(platform.rows(relation)) == 24


def test_gift_and_private_chat_are_for_good(platform: Platform) -> None:
    platform.must(registered(), event("gift.sent", model="mdl-1"), acted("private_chat"))
    platform.must(event("fanclub.left", time=at(days=1), model="mdl-1"), acted("like", time=at(days=1)))

    assert flags(platform) == (False, False, True, True)


def test_every_action_is_kept_with_its_time(platform: Platform) -> None:
    platform.must(
        registered(),
        *(acted(str(name), time=at(hours=hour)) for hour, name in enumerate(Action)),
        event("model.favorited", time=at(hours=20), model="mdl-1"),
        event("model.unfavorited", time=at(hours=21), model="mdl-1"),
        event("fanclub.joined", time=at(hours=22), model="mdl-1"),
        event("fanclub.left", time=at(hours=23), model="mdl-1"),
        event("gift.sent", time=at(hours=24), model="mdl-1"),
    )

    relations = ["favorited", "unfavorited", "fan_club_joined", "fan_club_left", "gift_sent"]
    rows = platform.rows(action, "number")
    assert [row["action"] for row in rows] == [*map(str, Action), *relations]
    assert rows[0]["at"] == START


def test_relations_concern_one_model_only(platform: Platform) -> None:
    platform.must(registered(), event("gift.sent", model="mdl-2"))

    assert [row["model"] for row in platform.rows(relation)] == [platform.model_number("mdl-2")]


def test_spending_adds_up_by_feature(platform: Platform) -> None:
    platform.must(registered(), spent(time=at(hours=2), credits=10), spent(time=at(hours=3), credits=5))
    platform.must(
        spent(time=at(hours=1), credits=1), spent(feature="video", credits=7), spent(model="mdl-2", credits=9)
    )

    lines = [(row["feature"], row["credits"]) for row in platform.rows(spending, "number")]
    assert lines == [("tip", 10), ("tip", 5), ("tip", 1), ("video", 7), ("tip", 9)]
    totals = {
        (row["model"], row["feature"]): (row["count"], row["credits"], row["first_at"], row["last_at"])
        for row in platform.rows(spending_total)
    }
    first, second = platform.model_number("mdl-1"), platform.model_number("mdl-2")
    assert totals == {
        (first, "tip"): (3, 16, at(hours=1), at(hours=3)),
        (first, "video"): (1, 7, START, START),
        (second, "tip"): (1, 9, START, START),
    }


@pytest.mark.parametrize(
    "document", [spent(), acted(), event("gift.sent", model="mdl-1")], ids=["spent", "act", "gift"]
)
def test_member_and_model_must_both_be_known(platform: Platform, document: Any) -> None:
    nobody = {**document, "data": document["data"] | {"model": "mdl-9"}}

    assert platform.code(nobody) == "unknown_member"
    platform.must(registered())
    assert platform.code(nobody) == "unknown_model"
    assert platform.rows(relation) == []
    platform.must(event("model.registered", "mdl-9", name="Nina"), nobody)


def test_model_is_renamed_by_the_later_event(platform: Platform) -> None:
    platform.must(
        event("model.registered", "mdl-3", time=at(hours=2), name="Second"),
        event("model.registered", "mdl-3", time=at(hours=1), name="First"),
    )
    platform.must(event("model.registered", "mdl-3", time=at(hours=3), name="Third"))

    assert [row["name"] for row in platform.rows(model) if row["id"] == "mdl-3"] == ["Third"]


def stored_clicks(platform: Platform) -> list[tuple[datetime, int, int]]:
    return [(row["slot"], row["clicks"], row["unique_clicks"]) for row in platform.rows(traffic, "slot")]


def test_later_clicks_of_a_quarter_hour_replace_the_earlier(platform: Platform) -> None:
    slot = at(minutes=-15)
    platform.must(clicks(time=at(hours=2), clicks=20), clicks(time=at(hours=1), clicks=10))
    assert stored_clicks(platform) == [(slot, 20, 5)]

    platform.must(clicks(time=at(hours=3), clicks=3, unique_clicks=1), clicks(slot="2026-10-01T14:00:00+02:00"))
    assert stored_clicks(platform) == [(slot, 3, 1), (START, 9, 5)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"webmaster": "nobody"}, "unknown_partner"),
        ({"webmaster": "center"}, "unknown_partner"),
        ({"campaign": "autumn"}, "unknown_campaign"),
        ({"webmaster": "w2"}, "unknown_campaign"),
    ],
    ids=["nobody", "no-webmaster", "of-another", "another's"],
)
def test_clicks_must_be_of_a_registered_campaign(platform: Platform, data: Any, code: str) -> None:
    assert platform.code(clicks(**data)) == code
    assert stored_clicks(platform) == []
