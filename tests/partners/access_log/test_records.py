"""The bytes of an honest record can be told from its columns, so that a verification need not read them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from partners.access_log import records
from partners.access_log.append import record
from partners.access_log.blocks import block_between
from partners.access_log.cases import Case
from partners.tables.access import access_log
from partners.vocabulary import CasePurpose, Outcome
from tests.partners.access_log.logs import Log, access


@pytest.mark.parametrize(
    "facts",
    [{}, {"ip": None, "partner": None, "model": "Zoë"}, {"policy_version": "4f1c", "ip": "2001:db8::7"}],
)
def test_an_honest_record_is_not_read(log: Log, monkeypatch: pytest.MonkeyPatch, facts: dict[str, str | None]) -> None:
    log.add(2, **facts)
    log.seal()
    monkeypatch.setattr(records, "_read", None)

    assert log.verify() == []


def test_a_record_whose_network_data_went_in_time_is_not_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.add(2, model="Zoë")
    log.seal()
    log.sql("DELETE FROM access_network")
    monkeypatch.setattr(records, "_read", None)

    assert log.verify(now=datetime.now(UTC) + records.NETWORK_SURELY_KEPT + timedelta(minutes=1)) == []


def test_a_record_with_a_case_has_its_details_too(log: Log) -> None:
    asked = access(case=Case("SEC-1", CasePurpose.INCIDENT))
    with log.engines.write.begin() as connection:
        record(connection, asked, outcome=Outcome.RELEASED, status=200, details={"note": "a disk"})
    log.seal()

    leaf = json.loads(log.sql("SELECT leaf FROM access_log")[0].leaf)
    assert (leaf["case_number"], leaf["case_purpose"], leaf["details"]) == ("SEC-1", "incident", {"note": "a disk"})
    assert log.verify() == []


def test_texts_that_are_escaped_are_read_and_found_right(log: Log) -> None:
    for odd in ('a "quoted" one', "@blank@", "back\\slash", "tab\tand\nline"):
        log.add(1, partner=odd, request_id=odd)
    log.seal()

    assert log.verify() == []


def test_an_entry_whose_record_is_gone_is_unsound_where_it_stands(log: Log) -> None:
    log.grow(3)
    log.sql("DELETE FROM access_log WHERE id = (SELECT access FROM sealed_leaf WHERE index = 1)")

    with log.engines.write.connect() as connection:
        block = block_between(connection, 0, 3, 0)

    assert list(block.places) == [0, 1, 2]
    ((number, entry),) = block.unsound
    assert (number, entry.place, entry.leaf, entry.columns) == (1, 1, None, (None,) * 13)


def test_a_sealed_record_has_all_that_the_log_has() -> None:
    """A new column must be sealed too, or nobody would see it change."""
    searched = {column.name for column in access_log.c} - {"at", "id", "leaf", "transaction"}

    assert searched == {"request_id", "verdicts", *records.COLUMNS}
