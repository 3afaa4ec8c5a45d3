"""Entries as OCSF, held to OCSF's own schema: nothing the log can hold makes an event that is none."""

import copy
from collections.abc import Callable
from typing import Any

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
