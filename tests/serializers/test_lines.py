"""Lists as lines: columns from the schema, formulas disarmed, nothing lost."""

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields

from serializers.lines import CsvLines, Form, NdjsonLines, csv_cell, lines_of
from serializers.policy.shapes import Money, ObjectOrNull, Text
from serializers.statements import MemberRow, PurchaseRow


class Inner(Schema):
    word = Text(allow_none=True)
    flag = fields.Boolean()


class Row(Schema):
    name = Text(allow_none=True)
    amount = Money()
    count = fields.Integer()
    inner = ObjectOrNull(Inner)
    listed = fields.List(fields.Dict())


WHOLE = {"name": "owl", "amount": "-29.40", "count": -2, "inner": {"word": "x", "flag": True}, "listed": []}


def read(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))


def cells(**changed: Any) -> list[str]:
    (row,) = read(CsvLines(Row).of([WHOLE | changed]))
    return row


def test_columns_are_dotted_and_in_the_schema_s_order() -> None:
    assert read(CsvLines(Row).head()) == [["name", "amount", "count", "inner.word", "inner.flag", "listed"]]


def test_the_columns_of_members_and_purchases_are_fixed() -> None:
    referral = [f"referral.{name}" for name in ("campaign", "sub1", "sub2", "sub3", "sub4", "sub5")]
    purchases = [f"credit_purchases.{name}" for name in ("count", "credits", "first_at", "last_at", "amounts")]
    device = ["device.type", "device.os", "device.browser"]

    assert read(CsvLines(MemberRow).head()) == [
        ["ref", "username", "registration_date", "site", "country", *device, *purchases, *referral]
    ]
    assert read(CsvLines(PurchaseRow).head())[0][:5] == ["id", "type", "at", "ref", "username"]


def test_null_is_empty_and_so_is_all_of_a_null_object() -> None:
    assert cells(name=None, inner=None) == ["", "-29.40", "-2", "", "", "[]"]


def test_lists_are_json() -> None:
    amounts = [{"currency": "EUR", "amount": "59.06"}]

    assert json.loads(cells(listed=amounts)[-1]) == amounts


@pytest.mark.parametrize("start", "=+-@＝＋－＠\t\r\n")
def test_a_text_that_a_spreadsheet_would_run_is_disarmed(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0,\"x\""

    row = cells(name=text, inner={"word": text, "flag": False})

    assert row[0] == row[3] == f"'{text}"


def test_figures_keep_their_sign() -> None:
    assert cells()[1:3] == ["-29.40", "-2"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_no_text_breaks_out_of_its_cell(texts: list[str]) -> None:
    rows = read(CsvLines(Row).of(WHOLE | {"name": text} for text in texts))

    assert [row[1:] for row in rows] == [cells()[1:]] * len(texts)
    assert [row[0].removeprefix("'") for row in rows] == [text.removeprefix("'") for text in texts]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_each_document_is_one_line_of_ndjson(texts: list[str]) -> None:
    lines = lines_of(Form.NDJSON, Row)

    body = lines.head() + lines.of({"name": text} for text in texts) + lines.end(len(texts))

    *rows, end = body.split(b"\n")[:-1]
    assert [json.loads(row)["name"] for row in rows] == texts
    assert json.loads(end) == {"end": True, "rows": len(texts)}
    assert isinstance(lines, NdjsonLines)


def test_a_day_and_an_instant_are_cells_as_they_are_in_json() -> None:
    assert csv_cell(date(2026, 11, 5)) == "2026-11-05"
    assert csv_cell(datetime(2026, 11, 5, 9, 30, tzinfo=UTC)) == "2026-11-05T09:30:00Z"
