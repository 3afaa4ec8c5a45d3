"""What partners may ask: the parameters of each list, over fields that are never withheld alone (R61)."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from partners import texts
from partners.instants import read_instant
from partners.vocabulary import Relation
from serializers.lines import Streamable

COUNTRY = Regexp(r"\A[A-Z]{2}\Z", error="A country is two capital letters, as in ISO 3166-1.")
SLUG = Regexp(rf"\A{texts.SLUG.pattern}\Z", error="At most 64 letters, digits, `_`, `.` and `-`.")
LARGEST_PAGE = 200
USUAL_PAGE = 50
LARGEST_BATCH = 100
LONGEST_CURSOR = 1_024
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_ZONES = frozenset({"localtime", "Factory"})
"""Files of the zone database that are no zones: one is the machine's own setting, the other says that there is none."""


class Digits(fields.Integer):
    """A whole number from 0 on, in digits alone: no sign, no blanks, no other script's."""

    def _deserialize(self, value: object, *place: Any, **more: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *place, **more)


class PageSize(Digits):
    """How many rows a page has at most."""

    def __init__(self, *, most: int = LARGEST_PAGE, **more: Any) -> None:
        """From one to `most`."""
        super().__init__(validate=Range(1, most), **more)


class Cursor(fields.String):
    """Where a list goes on, as an earlier answer sealed it."""

    def __init__(self, **more: Any) -> None:
        """Of any length that one may have."""
        super().__init__(validate=Length(1, LONGEST_CURSOR), **more)


class Watermark(Cursor):
    """Up to where a partner was told the purchase log; it means the same whatever else is asked."""


def but_the_page(query: Mapping[str, Any]) -> dict[str, str]:
    """What a query asks for, whichever page of it: cursors are bound to that."""
    return {name: str(value) for name, value in query.items() if name not in {"limit", "cursor"}}


class Day(fields.Date):
    """A day as RFC 3339 writes it: weeks and days without hyphens are ISO's alone."""

    def __init__(self, **more: Any) -> None:
        """Say to what is none how one is written."""
        super().__init__(error_messages={"invalid": "A day such as `2026-10-01`."}, **more)

    def _deserialize(self, value: object, *place: Any, **more: Any) -> date:
        if not (isinstance(value, str) and _FULL_DATE.fullmatch(value)):
            raise self.make_error("invalid", input=value, obj_type="date")
        return super()._deserialize(value, *place, **more)


class Moment(fields.AwareDateTime):
    """An instant as RFC 3339 writes it: with seconds and an offset, in capital letters or small ones."""

    def __init__(self, **more: Any) -> None:
        """Say to what is none how one is written."""
        wanted = "An RFC 3339 instant with an offset, such as `2026-10-01T12:00:00Z`."
        super().__init__(error_messages={"invalid": wanted}, **more)

    def _deserialize(self, value: object, *_: object, **__: object) -> datetime:
        if isinstance(value, str):
            with suppress(ValueError):
                return read_instant(value)
        raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)


class Period(Schema):
    """From one instant to before another."""

    since = Moment(data_key="from", metadata={"description": "The first instant, in RFC 3339."})
    until = Moment(data_key="to", metadata={"description": "The instant before which, in RFC 3339."})

    @validates_schema(skip_on_field_errors=False)
    def _begins_before_it_ends(self, query: dict[str, Any], **_: Any) -> None:
        if "since" in query and "until" in query and query["until"] < query["since"]:
            raise ValidationError("Lies before `from`.", "to")


class MembersQuery(Streamable):
    """The parameters of a member list."""

    limit = PageSize(load_default=USUAL_PAGE)
    cursor = Cursor()
    campaign = fields.String(validate=SLUG)
    site = fields.String(validate=SLUG)
    country = fields.String(validate=COUNTRY)
    registered_from = Day()
    registered_to = Day()
    sort = fields.String(load_default="-registration_date", validate=OneOf(["registration_date", "-registration_date"]))

    @validates_schema(skip_on_field_errors=False)
    def _in_order(self, query: dict[str, Any], **_: Any) -> None:
        first, last = query.get("registered_from", date.min), query.get("registered_to", date.max)
        if first > last:
            raise ValidationError("Lies before `registered_from`.", "registered_to")


class Zone(fields.Field[ZoneInfo]):
    """A time zone by its IANA name."""

    def _deserialize(self, value: object, *_: object, **__: object) -> ZoneInfo:
        if value not in _zones():
            raise ValidationError("Not a time zone of the IANA database, such as `Europe/Luxembourg`.")
        return ZoneInfo(str(value))


class LocalDay(Day):
    """A whole day in the query's time zone."""

    def __init__(self, **more: Any) -> None:
        """From 1970 on, and far enough ahead."""
        super().__init__(validate=Range(date(1970, 1, 1), date(2999, 12, 31)), **more)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


class PurchasesQuery(Streamable):
    """The parameters of the purchase log."""

    first = LocalDay(data_key="from")
    last = LocalDay(data_key="to")
    timezone = Zone(load_default=ZoneInfo("UTC"))
    campaign = fields.String(validate=SLUG)
    limit = PageSize(load_default=USUAL_PAGE)
    cursor = Cursor()
    since = Watermark()

    @validates_schema(skip_on_field_errors=False)
    def _in_order(self, query: dict[str, Any], **_: Any) -> None:
        if query.get("first", date.min) > query.get("last", date.max):
            raise ValidationError("Lies before `from`.", "to")
        if "since" in query and "cursor" in query:
            raise ValidationError("Not together with `since`: its watermark leads on.", "cursor")


class CampaignsQuery(Streamable):
    """The parameters of a webmaster's campaigns: none."""


class SpendingQuery(Period):
    """The parameters of lines of spending."""

    limit = PageSize(load_default=USUAL_PAGE)
    cursor = Cursor()


class CardsQuery(Schema):
    """The parameters of a list of cards: by username, or by relation and page by page."""

    username = fields.List(fields.String(), validate=Length(1, LARGEST_BATCH))
    relation = fields.String(validate=OneOf(list(Relation)))
    limit = PageSize()
    cursor = Cursor()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _one_way_to_choose(self, _query: dict[str, Any], asked: Mapping[str, Any], **_: Any) -> None:
        if "username" in asked:
            beside = {"relation", "limit", "cursor"} & asked.keys()
            if beside:
                raise ValidationError({name: ["Not together with `username`."] for name in beside})
        elif "relation" not in asked:
            raise ValidationError("Give `username` or `relation`.", "relation")

    @post_load
    def _usual_page(self, query: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"limit": USUAL_PAGE} | query


class CardsBatch(Schema):
    """The body of a batch: which cards, in which order."""

    usernames = fields.List(fields.String(), required=True, validate=Length(1, LARGEST_BATCH))


class NoQuery(Schema):
    """A request without parameters."""
