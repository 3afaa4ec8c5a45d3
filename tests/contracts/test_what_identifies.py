"""Of what webmasters are given about a member nothing but the username could identify, by its type (R35)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from partners.devices import device_of
from partners.feed.checking import check_line
from partners.feed.faults import Fault
from partners.feed.lines import Line
from partners.usernames import harmless
from partners.vocabulary import FeedError
from serializers.webmaster import POLICY
from tests.conftest import NOW
from tests.feeding import purchased, registered, updated

IDENTIFYING = (
    "john@example.com",
    "00352621123456",
    "+352621123456",
    "4111111111111111",
    "4111-1111-1111-1111",
    "card-4111111111111111",
    "anna_6.2-1_1.2-3_4.5-6",
    "192.168.10.20",
    "2001:db8::1",
)
Planting = Callable[[str], dict[str, Any]]
TYPED: dict[str, tuple[Planting, ...]] = {
    "registration_date": (lambda value: registered(registered_at=value),),
    "site": (lambda value: registered(site=value), lambda value: updated(site=value)),
    "country": (lambda value: registered(country=value), lambda value: updated(country=value)),
    "credit_purchases": (
        lambda value: purchased(credits=value),
        lambda value: purchased(credits=int(value) if value.isdecimal() else value),
        lambda value: purchased(amount=value),
        lambda value: purchased(currency=value),
    ),
}
"""Where what identifies could be planted in each field; the feed refuses it."""


def test_every_field_of_a_row_is_looked_at() -> None:
    own = {"ref", "referral"}

    assert {field.name for field in POLICY.fields} - own == {*TYPED, "username", "device"}


@pytest.mark.parametrize("value", IDENTIFYING)
@pytest.mark.parametrize("field", TYPED)
def test_a_field_takes_nothing_that_identifies(field: str, value: str) -> None:
    for plant in TYPED[field]:
        found = check_line(Line(1, orjson.dumps(plant(value)), 0), now=NOW).found

        assert isinstance(found, Fault)
        assert found.code is FeedError.INVALID_VALUE


@pytest.mark.parametrize("value", IDENTIFYING)
def test_a_device_quotes_nothing_and_such_a_username_is_withheld(value: str) -> None:
    """R8, R9."""
    assert device_of(value) == device_of("nothing that anybody knows")
    assert not harmless(value)
