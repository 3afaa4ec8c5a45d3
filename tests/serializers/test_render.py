"""The generated serialiser says exactly what marshmallow's `Schema.dump` would."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, fields

from serializers import model, webmaster
from serializers.policy.conditions import PolicyError
from serializers.policy.declaration import Policy
from serializers.policy.render import compile_serialiser
from serializers.policy.shapes import Tools, ToolsContext, money
from serializers.statements import Card, MemberRow
from serializers.wire import json_of

TOOLS = Tools(
    refs=lambda members: [f"mbr_{member}" for member in members], unseal=lambda sealed: sealed.decode().swapcase()
)

texts = st.text(max_size=20)
instants = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
json_instants = instants.map(lambda instant: instant.isoformat())
counts = st.integers(0, 10**9)
amounts = st.dictionaries(st.sampled_from(["EUR", "JPY", "KWD", "USD"]), st.integers(0, 10**12)).map(
    lambda units: dict(sorted(units.items()))
)
numbers = st.integers(1, 2**40)

MEMBER_COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "ref": numbers,
    "username": st.none() | texts,
    "registration_date": st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    "site": texts,
    "country": texts,
    "device.type": st.none() | texts,
    "device.os": st.none() | texts,
    "device.browser": st.none() | texts,
    "credit_purchases.count": counts,
    "credit_purchases.credits": counts,
    "credit_purchases.first_at": st.none() | instants,
    "credit_purchases.last_at": st.none() | instants,
    "credit_purchases.amounts": amounts,
    "referral.campaign": st.none() | texts,
} | {f"referral.sub{place}": st.none() | texts for place in range(1, 6)}

CARD_COLUMNS: dict[str, st.SearchStrategy[Any]] = (
    {
        "username": texts,
        "site": texts,
        "favorite": st.booleans(),
        "fan_club": st.booleans(),
        "gift_sent": st.booleans(),
        "regular_payer": st.none() | st.just(value=True),
        "mask": st.none() | texts,
    }
    | {
        f"profile.{field.name.partition('.')[2]}": st.none() | texts
        for field in model.POLICY.fields
        if "." in field.name
    }
    | {"profile.age": st.none() | st.integers(18, 120)}
    | {f"profile.{item}": st.none() | texts.map(str.encode) for item in ("sexual_preferences", "turn_ons", "dislikes")}
    | {
        "last_actions": st.none() | st.lists(st.tuples(texts, json_instants), max_size=4),
        "spending": st.none() | st.lists(st.tuples(texts, counts, counts, json_instants, json_instants), max_size=4),
    }
)


def nest(names: Sequence[str], row: Iterable[Any]) -> dict[str, Any]:
    """Turn a row with dotted column names into the object that the schema dumps."""
    nested: dict[str, Any] = {}
    for name, value in zip(names, row, strict=True):
        group, dot, item = name.partition(".")
        if dot:
            nested.setdefault(group, {})[item] = value
        else:
            nested[name] = value
    return nested


def both(schema: Schema, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> tuple[Any, Any]:
    fast = compile_serialiser(schema, {name: place for place, name in enumerate(columns)})(rows, TOOLS)
    with ToolsContext(TOOLS):
        slow = schema.dump([nest(columns, row) for row in rows], many=True)
    return orjson.loads(json_of(fast)), slow


def columns_of(policy: Policy) -> tuple[str, ...]:
    return tuple(name for field in policy.fields for name, _ in field.columns())


def rows_of(columns: dict[str, st.SearchStrategy[Any]], policy: Policy) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(*(columns[name] for name in columns_of(policy))), max_size=3)


@settings(max_examples=200, deadline=None)
@given(rows_of(MEMBER_COLUMNS, webmaster.POLICY))
def test_member_rows(rows: list[tuple[Any, ...]]) -> None:
    fast, slow = both(MemberRow(), columns_of(webmaster.POLICY), rows)

    assert fast == slow


@settings(max_examples=200, deadline=None)
@given(rows_of(CARD_COLUMNS, model.POLICY))
def test_cards(rows: list[tuple[Any, ...]]) -> None:
    fast, slow = both(Card(), columns_of(model.POLICY), rows)

    assert fast == slow


def test_a_field_without_generated_form_is_refused() -> None:
    class Guess(Schema):
        secret = fields.Raw()

    with pytest.raises(PolicyError, match="secret is a Raw"):
        compile_serialiser(Guess(), {"secret": 0})


@pytest.mark.parametrize(
    ("minor_units", "currency", "text"),
    [
        (5906, "EUR", "59.06"),
        (5, "EUR", "0.05"),
        (0, "EUR", "0.00"),
        (700, "JPY", "700"),
        (1, "KWD", "0.001"),
        (-5906, "EUR", "-59.06"),
        (-5, "EUR", "-0.05"),
        (-700, "JPY", "-700"),
    ],
)
def test_money_is_a_decimal_string_with_the_currency_s_places(minor_units: int, currency: str, text: str) -> None:
    assert money(minor_units, currency) == text
