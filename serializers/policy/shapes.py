"""The marshmallow fields a policy is written in, each with the expression that the fast serialiser puts for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, ClassVar

from marshmallow import Schema, fields
from marshmallow.experimental.context import Context

from partners.currencies import DECIMALS


@dataclass(frozen=True)
class Tools:
    """What turns stored values into words for one caller: the caller's refs, and the key of sealed items."""

    refs: Callable[[Sequence[int]], list[str]]
    """Makes the caller's refs of members."""
    unseal: Callable[[bytes], str]


ToolsContext = Context[Tools]
CENTS = 2
"""Decimals of nearly every currency."""


def instant(value: datetime | str) -> str:
    """RFC 3339 in UTC with `Z`; takes what PostgreSQL gives, be it a timestamp or one inside JSON.

    A fraction has all its digits wherever the instant comes from, so that two that are the same read the same.
    """
    if isinstance(value, str):
        text = datetime.fromisoformat(value).isoformat() if "." in value else value
    else:
        text = value.isoformat()
    return text.replace("+00:00", "Z")


def money(minor_units: int, currency: str) -> str:
    """A decimal string with as many places as the currency has (ISO 4217)."""
    places = DECIMALS[currency]
    if places == CENTS and minor_units >= 0:
        return f"{minor_units // 100}.{minor_units % 100:02}"
    if not places:
        return str(minor_units)
    digits = str(abs(minor_units)).zfill(places + 1)
    return f"{'-' if minor_units < 0 else ''}{digits[:-places]}.{digits[-places:]}"


class Shape:
    """A field that can say its serialisation as a Python expression over the row's value."""

    expression: ClassVar[str] = "{value}"
    speaks_of_null: ClassVar[bool] = False
    """Whether the expression takes NULL and makes an empty value of it."""
    column_expression: ClassVar[str] = ""
    """The same over the list of all rows' values, none of them NULL, where they are cheaper told together."""


class Object(fields.Nested):
    """An object made of several columns."""


class ObjectOrNull(fields.Nested):
    """An object made of several columns; null as a whole where all of them are."""

    # marshmallow's `Nested` itself departs from `Field` in the name of the first argument.
    def _serialize(self, nested_obj: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        empty = nested_obj is None or all(part is None for part in nested_obj.values())
        return None if empty else super()._serialize(nested_obj, attr, obj, **kwargs)  # type: ignore[no-untyped-call]


class Text(Shape, fields.String):
    """A string."""


class Number(Shape, fields.Integer):
    """An integer."""


class Flag(Shape, fields.Boolean):
    """`true` or `false`."""


class Badge(Shape, fields.Boolean):
    """`true` or null, never `false`: that would tell who switched it off (R15, R61)."""


class Day(Shape, fields.Date):
    """A date, `2026-03-01`; JSON is written with it as it is."""


class Instant(Shape, fields.AwareDateTime):
    """An instant in UTC, `2026-03-01T10:00:00Z`; JSON is written with it as it is."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else instant(value)


class Ref(Shape, fields.String):
    """An opaque reference to a member, different for every partner."""

    column_expression = "tools.refs({values})"

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002
        return ToolsContext.get().refs([value])[0]


class Sealed(Shape, fields.String):
    """A string that is encrypted at rest (R24)."""

    expression = "tools.unseal({value})"

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else ToolsContext.get().unseal(value)


class MoneySchema(Schema):
    """An amount of money."""

    currency = fields.String(required=True, metadata={"description": "ISO 4217", "example": "EUR"})
    amount = fields.String(required=True, metadata={"description": "A decimal string", "example": "59.06"})


class Amount(Shape, fields.String):
    """An amount as a decimal string."""


class Money(Amount):
    """An amount, stored as the pair of minor units and currency."""

    expression = "money(*{value})"

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002
        return money(*value)


class Amounts(Shape, fields.List[Any]):
    """Sums of money, one for each currency; stored as minor units by currency."""

    expression = "amounts({value})"

    def __init__(self, **more: Any) -> None:
        """A list of `MoneySchema`."""
        super().__init__(fields.Nested(MoneySchema), **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[dict[str, str]]:  # noqa: ARG002
        return amounts(value)


def amounts(value: Mapping[str, int]) -> list[dict[str, str]]:
    """Minor units by currency, as a list in order of currency: `jsonb` has keys of one length in that order."""
    return [{"currency": currency, "amount": money(units, currency)} for currency, units in value.items()]


class ActionSchema(Schema):
    """Something the member did with this model."""

    action = fields.String(required=True, metadata={"example": "like"})
    at = fields.String(required=True, metadata={"format": "date-time"})


class LastActions(Shape, fields.List[Any]):
    """The newest actions; empty when there are none or they are withheld."""

    expression = "last_actions({value})"
    speaks_of_null = True

    def __init__(self) -> None:
        """A list of `ActionSchema`."""
        super().__init__(fields.Nested(ActionSchema))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[dict[str, str]]:  # noqa: ARG002
        return last_actions(value)


def last_actions(value: Sequence[tuple[str, str]] | None) -> list[dict[str, str]]:
    """Pairs of action and instant, newest first; nothing withheld differs from nothing done (R61)."""
    return [{"action": action, "at": instant(at)} for action, at in value or ()]


class FeatureSchema(Schema):
    """Spending on one feature."""

    feature = fields.String(required=True, metadata={"example": "private_chat"})
    count = fields.Integer(required=True)
    credits = fields.Integer(required=True)


class SpendingSchema(Schema):
    """Spending with this model."""

    count = fields.Integer(required=True)
    credits = fields.Integer(required=True)
    first_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    last_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    by_feature = fields.List(fields.Nested(FeatureSchema), required=True)


class Spending(Shape, fields.Nested):
    """Totals of spending; stored as one line a feature."""

    expression = "spending({value})"
    speaks_of_null = True

    def __init__(self) -> None:
        """One `SpendingSchema`."""
        super().__init__(SpendingSchema)

    def _serialize(  # type: ignore[override]
        self,
        nested_obj: Any,
        attr: Any,  # noqa: ARG002
        obj: Any,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> dict[str, Any]:
        return spending(nested_obj)


def spending(value: Sequence[tuple[str, int, int, str, str]] | None) -> dict[str, Any]:
    """Add up lines of feature, count, credits, first and last instant (R20: totals equal the lines)."""
    lines = value or ()
    return {
        "count": sum(count for _, count, _, _, _ in lines),
        "credits": sum(credits_ for _, _, credits_, _, _ in lines),
        # As PostgreSQL writes them the instants sort as text; with a `Z` after a fraction they would not.
        "first_at": instant(min(first for _, _, _, first, _ in lines)) if lines else None,
        "last_at": instant(max(last for _, _, _, _, last in lines)) if lines else None,
        "by_feature": [
            {"feature": feature, "count": count, "credits": credits_} for feature, count, credits_, _, _ in lines
        ],
    }


@lru_cache(maxsize=16_384)
def local_hour(told: str) -> str:
    """The local start of an hour with its offset; told as its start in UTC and the offset in seconds."""
    start, seconds = told.rsplit(" ", 1)
    zone = timezone(timedelta(seconds=int(seconds)))
    return datetime.fromisoformat(start).replace(tzinfo=UTC).astimezone(zone).isoformat(timespec="minutes")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "money": money,
    "amounts": amounts,
    "last_actions": last_actions,
    "spending": spending,
    "local_hour": local_hour,
}
"""What the generated serialiser may call."""
