"""Entries as OCSF, held to OCSF's own schema: nothing the log can hold makes an event that is none."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from serializers.audit import gone
from serializers.siem.ocsf import event
from tests.serializers.log_entries import ENTRY, every_kind, hostile_entries
from tests.serializers.ocsf_schema import faults

Change = Callable[[dict[str, Any]], Any]


def test_every_kind_of_entry_is_an_event() -> None:
    kinds = list(every_kind())

    assert len({entry["operation"] for entry in kinds}) > 40
    for entry in kinds:
        assert faults(event(entry)) == [], entry


@given(hostile_entries())
@settings(max_examples=50)
def test_hostile_texts_make_no_other_event(entry: dict[str, Any]) -> None:
    assert faults(event(entry)) == []


def test_a_record_that_is_gone_is_an_event_of_another_kind() -> None:
    told = event(gone(7, "acc_1", "2026-11-01T12:00:00Z"))

    assert faults(told) == []
    assert (told["type_uid"], told["status_id"], told["metadata"]["sequence"]) == (600_399, 0, 7)


@pytest.mark.parametrize(
    ("activity", "operations"),
    [
        (1, {"events.write", "requests.create", "disclosures.add", "audit.raise"}),
        (2, {"members.list", "card.get", "preview", "privacy.read", "requests.archive", "audit.stream", "audit.alert"}),
        (3, {"privacy.write", "requests.move", "requests.settle", "rights.replay", "webhooks.suspend", "audit.close"}),
        (3, {"audit.acknowledge", "audit.lower", "audit.saved", "key.rotated", "key.retired"}),
        (4, {"retention.pruned"}),
        (99, {"oauth.token", "webhooks.deliver", "webhooks.told", "audit.sink_add", "members.get.x"}),
    ],
)
def test_a_change_is_told_as_one_and_what_is_unknown_by_its_own_name(activity: int, operations: set[str]) -> None:
    for operation in operations:
        told = event(ENTRY | {"operation": operation})
        assert (told["activity_id"], told["type_uid"]) == (activity, 600_300 + activity), operation
        assert told.get("activity_name") == (operation if activity == 99 else None)
        assert faults(told) == []


SPOILT: list[Change] = [
    lambda e: e.pop("src_endpoint"),
    lambda e: e["metadata"].pop("product"),
    lambda e: e["api"].pop("operation"),
    lambda e: e.update(type_uid=600_301),
    lambda e: e.update(time="soon"),
    lambda e: e.update(time="1"),
    lambda e: e.update(actor={}),
    lambda e: e.update(src_endpoint={"port": 1}),
    lambda e: e.update(partner="w1"),
    lambda e: e["actor"].update(partner="w1"),
    lambda e: e["resources"][0].update(number=1),
    lambda e: e.update(activity_id=7, type_uid=600_307),
    lambda e: e.update(activity_id=99, type_uid=600_399),
    lambda e: e.update(status_code=None),
    lambda e: e["http_response"].pop("code"),
    lambda e: e["api"]["request"].pop("uid"),
]


def test_what_is_no_event_is_noticed() -> None:
    for number, spoil in enumerate(SPOILT):
        told = copy.deepcopy(event(ENTRY))
        spoil(told)
        try:
            found = faults(told)
        except ValidationError as error:
            found = [str(error)]
        assert found, number
