"""Monthly statements on the wire: which month is asked for, and what is owed for it (contract §3)."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields

from partners.statements import Statement
from serializers.lines import Streamable
from serializers.policy.shapes import money

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_FIRST_YEAR = 1970


class Month(fields.Field[date]):
    """A UTC calendar month, read as its first day."""

    def _deserialize(self, value: str, *_: object, **__: object) -> date:
        found = _MONTH.fullmatch(value)
        try:
            month = date(int(found[1]), int(found[2]), 1) if found else date.min
        except ValueError:
            month = date.min
        if month.year < _FIRST_YEAR:
            raise ValidationError("Not a month such as `2026-10`, from `1970-01` on.")
        return month


class StatementsQuery(Streamable):
    """The parameters of statements: one month, or none for all that are final."""

    month = Month()


def documents(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Statements as they are answered: final ones, for no others are listed."""
    return [
        {
            "month": f"{statement.month:%Y-%m}",
            "currency": statement.currency,
            "earned": money(statement.earned, statement.currency),
            "reversed": money(statement.reversed, statement.currency),
            "payable": money(statement.payable, statement.currency),
            "is_final": True,
        }
        for statement in statements
    ]
