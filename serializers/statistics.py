"""Statistics on the wire: what a webmaster may ask, and the rows and totals it is answered (contract §3)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range

from partners.currencies import DECIMALS
from partners.statistics import Choice, Line, Question, Sort
from partners.vocabulary import MONEY_METRICS, DeviceType, Metric, StatisticsFilter, StatisticsGroup
from serializers.lines import Streamable
from serializers.policy.shapes import Money, Number, Text, money
from serializers.queries import COUNTRY, LONGEST_CURSOR, SLUG, LocalDay, Zone

MOST_DAYS = 400
MOST_GROUPS = 4
LARGEST_PAGE = 10_000
USUAL_PAGE = 1_000
CURRENCY = "currency"
_EXCLUDES = "-"


class Groups(fields.Field[tuple[StatisticsGroup, ...]]):
    """A comma list of what to group by, each once."""

    def _deserialize(self, value: str, *_: object, **__: object) -> tuple[StatisticsGroup, ...]:
        names = value.split(",")
        faults = [f"Not one of {', '.join(StatisticsGroup)}." for name in names if name not in set(StatisticsGroup)][:1]
        if len(names) > MOST_GROUPS:
            faults.append(f"At most {MOST_GROUPS}.")
        if len(set(names)) < len(names):
            faults.append("Each once.")
        if faults:
            raise ValidationError(faults)
        return tuple(map(StatisticsGroup, names))


class Chosen(fields.Field[Choice]):
    """A comma list of values: these alone or, with a leading `-`, all but these."""

    def __init__(self, value: Callable[[str], Any], **more: Any) -> None:
        """Take what a single value must pass."""
        super().__init__(**more)
        self.value = value

    def _deserialize(self, value: str, *_: object, **__: object) -> Choice:
        names = value.split(",")
        excludes = value.startswith(_EXCLUDES)
        if excludes:
            # The list as a whole is excluded; saying so again with each value is no fault.
            names = [name.removeprefix(_EXCLUDES) for name in names]
        elif any(name.startswith(_EXCLUDES) for name in names):
            raise ValidationError("Either all values are excluded, with a leading `-`, or none is.")
        for name in names:
            self.value(name)
        return Choice(tuple(names), excludes)


class Order(fields.Field[Sort]):
    """A group or a metric to sort by; downwards with a leading `-`."""

    def _deserialize(self, value: str, *_: object, **__: object) -> Sort:
        name = value.removeprefix(_EXCLUDES)
        for kind in (StatisticsGroup, Metric):
            if name in set(kind):
                return Sort(kind(name), descending=value.startswith(_EXCLUDES))
        raise ValidationError("Not the name of a group or a metric.")


@dataclass(frozen=True)
class Asked:
    """A question that was read, and where in its answer to go on."""

    question: Question
    cursor: str | None = None

    def identity(self) -> dict[str, Any]:
        """What a cursor is bound to: everything asked but the page's size."""
        asked = self.question
        return {
            "statistics": [asked.first, asked.last, asked.zone.key],
            "group_by": asked.groups,
            "filters": {name.value: [choice.excludes, *choice.values] for name, choice in asked.filters.items()},
            "sort": [asked.sort.by, asked.sort.descending] if asked.sort else None,
        }


class StatisticsQuery(Streamable):
    """The parameters of statistics."""

    first = LocalDay(data_key="from", required=True)
    last = LocalDay(data_key="to", required=True)
    timezone = Zone(load_default=ZoneInfo("UTC"))
    group_by = Groups(load_default=(StatisticsGroup.DAY,))
    campaign = Chosen(SLUG)
    site = Chosen(SLUG)
    country = Chosen(COUNTRY)
    device_type = Chosen(OneOf(list(DeviceType)))
    currency = Chosen(OneOf(list(DECIMALS), error="A currency is three capital letters, as in ISO 4217."))
    sort = Order()
    limit = fields.Integer(load_default=USUAL_PAGE, validate=Range(1, LARGEST_PAGE))
    cursor = fields.String(validate=Length(1, LONGEST_CURSOR))

    @validates_schema(skip_on_field_errors=False)
    def _a_range(self, query: dict[str, Any], **_: Any) -> None:
        days = (query.get("last", date.max) - query.get("first", date.max)).days + 1
        if "first" in query and "last" in query and not 1 <= days <= MOST_DAYS:
            raise ValidationError(
                "Lies before `from`." if days < 1 else f"More than {MOST_DAYS} days after `from`, that day included.",
                "to",
            )

    @validates_schema(skip_on_field_errors=False)
    def _a_column(self, query: dict[str, Any], **_: Any) -> None:
        by = query["sort"].by if "sort" in query else None
        if isinstance(by, StatisticsGroup) and "group_by" in query and by not in query["group_by"]:
            raise ValidationError("A group to sort by is one of `group_by`.", "sort")

    @post_load
    def _asked(self, query: dict[str, Any], **_: Any) -> Asked:
        question = Question(
            first=query["first"],
            last=query["last"],
            zone=query["timezone"],
            groups=query["group_by"],
            filters={name: query[name] for name in StatisticsFilter if name in query},
            sort=query.get("sort"),
            limit=query["limit"],
        )
        return Asked(question, query.get("cursor"))


def _local_hour(value: datetime) -> str:
    return value.isoformat(timespec="minutes")


_SAID: dict[StatisticsGroup, Callable[[Any], str]] = {
    StatisticsGroup.HOUR: _local_hour,
    StatisticsGroup.DAY: date.isoformat,
    StatisticsGroup.WEEK: date.isoformat,
    StatisticsGroup.MONTH: lambda value: f"{value:%Y-%m}",
}
"""How times are written, which are never null; every other group is a string already."""


def documents(lines: Iterable[Line], groups: Sequence[StatisticsGroup]) -> list[dict[str, Any]]:
    """Rows as they are answered: the groups in the order asked, the currency, the metrics."""
    names = [*(group.value for group in groups), *_TOLD]
    times = [(group.value, _SAID[group]) for group in groups if group in _SAID]
    return [_document(line, names, times) for line in lines]


def totals(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Totals as they are answered."""
    return [_document(line, _TOLD, ()) for line in lines]


def _document(line: Line, names: Sequence[str], times: Iterable[tuple[str, Callable[[Any], str]]]) -> dict[str, Any]:
    told: dict[str, Any] = dict(zip(names, (*line.groups, line.currency, *line.figures), strict=True))
    for name, say in times:
        told[name] = say(told[name])
    if line.currency is not None:
        for metric in _MONEY:
            told[metric] = money(told[metric], line.currency)
    return told


_TOLD = [CURRENCY, *(metric.value for metric in Metric)]
_MONEY = [metric.value for metric in Metric if metric in MONEY_METRICS]


def row_schema(groups: Sequence[StatisticsGroup]) -> type[Schema]:
    """The schema of a row, its columns in the order in which `documents` has them."""
    dimensions = {name: Text(required=True, allow_none=True) for name in (*(group.value for group in groups), CURRENCY)}
    metrics = {
        metric.value: Money(required=True, allow_none=True) if metric in MONEY_METRICS else Number(required=True)
        for metric in Metric
    }
    return Schema.from_dict({**dimensions, **metrics}, name="StatisticsRow")
