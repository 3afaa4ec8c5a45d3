"""The values of events: each check takes what stands in the JSON, and returns what is kept or refuses it."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from partners import usernames
from partners.countries import COUNTRIES
from partners.currencies import DECIMALS
from partners.devices import Device, device_of
from partners.feed.faults import invalid_value
from partners.instants import read_instant, start_of_quarter_hour
from partners.texts import SLUG

Check = Callable[[Any], Any]
E = TypeVar("E", bound=StrEnum)

LONGEST_ID = 255
"""Characters: the platform's ids are keys of the database, and those have a limit."""
MOST_CREDITS = 10_000_000
MOST_CLICKS = 1_000_000_000
LARGEST_AMOUNT = 10**12
"""Minor units of any currency: what a sum of millions of purchases can hold."""

_IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_NUMBER = re.compile(r"[_.-]*[0-9][0-9_.-]*")
_LONG_NUMBER = re.compile(r"[0-9](?:[_.-]*[0-9]){8}")
_DECIMAL = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,10}))?")


def identifier(value: object) -> str:
    """An id the platform gives: 1 to 255 characters."""
    if isinstance(value, str) and len(value) <= LONGEST_ID and _IDENTIFIER.fullmatch(value):
        return value
    raise invalid_value(f"must be a string of 1 to {LONGEST_ID} characters without control characters")


def slug(value: object) -> str:
    """A short name for machines."""
    if isinstance(value, str) and SLUG.fullmatch(value):
        return value
    raise invalid_value("must be 1 to 64 letters, digits, `_`, `.` or `-`")


def site(value: object) -> str:
    """A site's slug, with no number for a name, nor a long one in it: of a phone, a card or a network (R35)."""
    name = slug(value)
    if _NUMBER.fullmatch(name) or _LONG_NUMBER.search(name):
        raise invalid_value(
            "must not be a number or an IP address, nor hold a number of nine digits: a site has a name"
        )
    return name


def username(value: object) -> str:
    """A username, in NFC."""
    if isinstance(value, str) and len(value) <= usernames.LONGEST_WRITTEN:
        normal = usernames.normalise(value)
        if usernames.acceptable(normal):
            return normal
    raise invalid_value("must be 1 to 64 printable characters without `/` and blanks, and neither `.` nor `..`")


def country(value: object) -> str:
    """A country by its code."""
    if isinstance(value, str) and value in COUNTRIES:
        return value
    raise invalid_value("must be an ISO 3166-1 alpha-2 code such as LU")


def text(most: int) -> Check:
    """A text of at most so many characters."""

    def check(value: object) -> str:
        if isinstance(value, str) and len(value) <= most and "\x00" not in value:
            return value
        raise invalid_value(f"must be a string of at most {most} characters, none of them U+0000")

    return check


def whole(least: int, most: int) -> Check:
    """An integer within bounds; `true` is not one."""

    def check(value: object) -> int:
        if type(value) is int and least <= value <= most:
            return value
        raise invalid_value(f"must be an integer from {least} to {most}")

    return check


def flag(value: object) -> bool:
    """Yes or no."""
    if isinstance(value, bool):
        return value
    raise invalid_value("must be true or false")


def one_of(values: type[E]) -> Check:
    """A word of a closed list."""
    words = {str(value): value for value in values}

    def check(value: object) -> E:
        if isinstance(value, str) and value in words:
            return words[value]
        raise invalid_value(f"must be one of {', '.join(words)}")

    return check


def instant(value: object) -> datetime:
    """An instant as RFC 3339 writes it, to the microsecond, in UTC."""
    if isinstance(value, str):
        with suppress(ValueError):
            return read_instant(value)
    raise invalid_value("must be an RFC 3339 instant such as 2026-10-01T12:00:00Z")


def slot(value: object) -> datetime:
    """The start of a quarter hour in UTC."""
    start = instant(value)
    if start != start_of_quarter_hour(start):
        raise invalid_value("must be the start of a UTC quarter hour such as 2026-10-01T12:15:00Z")
    return start


def device(value: object) -> Device:
    """What is kept of a user agent."""
    if isinstance(value, str) and value and "\x00" not in value:
        return device_of(value)
    raise invalid_value("must be a user agent, a string that is not empty")


def currency(value: object) -> str:
    """A currency by its code."""
    if isinstance(value, str) and value in DECIMALS:
        return value
    raise invalid_value("must be an ISO 4217 code such as EUR")


def decimal(value: object) -> str:
    """An amount of money as it is written; `minor_units` reads it once the currency is known."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return value
    raise invalid_value('must be a decimal string such as "29.40", and not negative')


def minor_units(amount: str, of: str) -> int:
    """Read a decimal string as an integer of the currency's minor unit; no more decimals than the currency has."""
    units, _, fraction = amount.partition(".")
    decimals = DECIMALS[of]
    if len(fraction) > decimals:
        raise invalid_value(f"must have at most the currency's decimals ({decimals})")
    total = int(units + fraction.ljust(decimals, "0"))
    if total > LARGEST_AMOUNT:
        raise invalid_value("must be an amount that one purchase can have")
    return total
