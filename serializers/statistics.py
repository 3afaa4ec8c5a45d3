"""Statistics on the wire: what a webmaster may ask (contract §3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields, post_load, validates_schema
from marshmallow.validate import OneOf

from partners.currencies import DECIMALS
from partners.statistics import Choice, Question, Sort
from partners.vocabulary import DeviceType, Metric, StatisticsFilter, StatisticsGroup
from serializers.lines import Streamable
from serializers.queries import COUNTRY, SLUG, Cursor, LocalDay, PageSize, Zone

MOST_DAYS = 400
MOST_GROUPS = 4
LARGEST_PAGE = 10_000
USUAL_PAGE = 1_000
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
        raise ValidationError(f"One of {', '.join([*StatisticsGroup, *Metric])}; downwards with a leading `-`.")


@dataclass(frozen=True)
class Asked:
    """A question that was read, and where in its answer to go on."""

    question: Question
    cursor: str | None = None

    def identity(self) -> dict[str, Any]:
        """What a cursor is bound to: everything asked but the page."""
        asked = self.question
        return {
            "days": [asked.first, asked.last, asked.zone.key],
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
    limit = PageSize(most=LARGEST_PAGE, load_default=USUAL_PAGE)
    cursor = Cursor()

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
