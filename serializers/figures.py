"""The rows and totals of statistics on the wire, in the order and the words of the contract (§3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from marshmallow import Schema

from partners.postgres.prepared import Row
from partners.statistics.queries import columns_for
from partners.vocabulary import MONEY_METRICS, Metric, StatisticsGroup
from serializers.policy.render import compile_serialiser, type_of_serialiser
from serializers.policy.shapes import Amount, Number, Text, Tools, local_hour

CURRENCY = "currency"


class LocalHour(Text):
    """The local start of an hour with its offset, `2026-10-01T13:00+02:00`."""

    expression = "local_hour({value})"

    def _serialize(self, value: object, attr: str | None, obj: object, **kwargs: object) -> str | None:  # noqa: ARG002
        return None if value is None else local_hour(str(value))


class Month(Text):
    """A month, `2026-10`; its first day is told."""

    expression = "{value}[:7]"

    def _serialize(self, value: object, attr: str | None, obj: object, **kwargs: object) -> str | None:  # noqa: ARG002
        return None if value is None else str(value)[:7]


def documents(rows: Sequence[Row], groups: tuple[StatisticsGroup, ...]) -> list[dict[str, Any]]:
    """Rows as they are answered: the groups in the order asked, the currency, the metrics."""
    return _serialisers(groups).rows(rows, _NO_TOOLS)


def totals(rows: Sequence[Row], groups: tuple[StatisticsGroup, ...]) -> list[dict[str, Any]]:
    """Totals as they are answered, with the one for no currency always among them."""
    found = _serialisers(groups).totals(rows, _NO_TOOLS)
    if all(total[CURRENCY] is not None for total in found):
        found.append(dict(_NOTHING))
    return sorted(found, key=lambda total: (total[CURRENCY] is None, total[CURRENCY]))


@dataclass(frozen=True)
class _Serialisers:
    rows: type_of_serialiser
    totals: type_of_serialiser


@lru_cache(maxsize=256)
def _serialisers(groups: tuple[StatisticsGroup, ...]) -> _Serialisers:
    positions = {name: place for place, name in enumerate(columns_for(groups))}
    return _Serialisers(*(compile_serialiser(row_schema(shown)(), positions) for shown in (groups, ())))


def _nobody(*_: object) -> NoReturn:
    raise TypeError("statistics name nobody")


_NO_TOOLS = Tools(refs=_nobody, unseal=_nobody)
_GROUPS: dict[StatisticsGroup, type[Text]] = {StatisticsGroup.HOUR: LocalHour, StatisticsGroup.MONTH: Month}
"""Those that are told in other words than they are stored in."""
_NOTHING = {CURRENCY: None, **{metric.value: None if metric in MONEY_METRICS else 0 for metric in Metric}}


def row_schema(groups: Sequence[StatisticsGroup]) -> type[Schema]:
    """The schema of a row, its columns in the order in which `documents` has them."""
    kinds = {group.value: _GROUPS.get(group, Text) for group in groups} | {CURRENCY: Text}
    dimensions = {name: kind(required=True, allow_none=True) for name, kind in kinds.items()}
    metrics = {
        metric.value: Amount(required=True, allow_none=True) if metric in MONEY_METRICS else Number(required=True)
        for metric in Metric
    }
    return Schema.from_dict({**dimensions, **metrics}, name="StatisticsRow")
