"""Asking statistics in tests, inside a transaction: the very statement that the gateway sends, its answer read back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

from psycopg import Connection as DriverConnection
from psycopg import RawCursor
from sqlalchemy import Connection, select

from partners.access_log.append import Access
from partners.access_log.recording import Recording
from partners.currencies import DECIMALS
from partners.postgres.prepared import Row
from partners.statistics import Answer, Question
from partners.statistics.queries import Asking, columns_for
from partners.tables.partner import client, partner
from partners.vocabulary import MONEY_METRICS, Metric, PartnerKind, Purpose, StatisticsGroup
from tests.factories import add_client


@dataclass(frozen=True)
class Line:
    """A row of statistics, or a total, which has no groups."""

    groups: tuple[Any, ...]
    """The values of the groups in the order asked: dates, an aware datetime for an hour, strings."""
    currency: str | None
    figures: tuple[int | None, ...]
    """In the order of `Metric`; money in minor units, null where there is no currency."""


@dataclass(frozen=True)
class Told:
    """A page of statistics, in values that can be reckoned with."""

    lines: list[Line]
    totals: list[Line]
    has_more: bool
    position: Sequence[str | None]
    through: datetime | None


def fetch(connection: Connection, webmaster: str, statement: Recording, parameters: dict[str, Any]) -> list[Row]:
    """Send a statement as a client of the webmaster's, which is registered where it is new."""
    owner = connection.execute(select(partner.c.number).where(partner.c.id == webmaster)).scalar_one()
    name = f"{webmaster}-reads"
    if connection.execute(select(client.c.id).where(client.c.id == name)).first() is None:
        add_client(connection, owner, name)
    now = datetime.now(UTC)
    access = Access(now, "req_1", None, PartnerKind.WEBMASTER, webmaster, name, None, "test",
                    Purpose.CAMPAIGNS)  # fmt: skip
    client_of = {
        "caller_client": name,
        "caller_version": 1,
        "caller_token": "",
        "caller_key": "",
        "caller_address": None,
    }
    itself = {"caller_family": None, "caller_partner": webmaster, "caller_now": now, "now": now}
    values = {**client_of, **itself, **access.parameters(), **parameters}
    driver = cast("DriverConnection[Row]", connection.connection.driver_connection)
    with RawCursor(driver) as cursor:
        prepared = statement.text
        return cursor.execute(prepared.sql, [values[each] for each in prepared.names]).fetchall()


def ask(
    connection: Connection, webmaster: str, question: Question, position: Sequence[str | None] | None = None
) -> Told:
    """Ask for a page as a webmaster, named by its id."""
    asking = Asking(question, position)
    answer = asking.answer(fetch(connection, webmaster, asking.statement, dict(asking.parameters())))
    return Told(
        [_line(row, question.groups) for row in answer.rows],
        sorted(_totals(answer, question), key=lambda line: (line.currency is None, line.currency or "")),
        answer.has_more,
        answer.position,
        answer.through,
    )


def _totals(answer: Answer, question: Question) -> Iterator[Line]:
    """With the one for no currency, which is left out where there is nothing of it."""
    found = [_line(row, question.groups) for row in answer.totals]
    yield from (Line((), line.currency, line.figures) for line in found)
    if all(line.currency is not None for line in found):
        yield Line((), None, tuple(None if metric in MONEY_METRICS else 0 for metric in Metric))


def _line(row: Row, groups: Sequence[StatisticsGroup]) -> Line:
    told = dict(zip(columns_for(groups), row, strict=False))
    currency = told["currency"]
    figures = tuple(_minor(told[metric], currency) if metric in MONEY_METRICS else told[metric] for metric in Metric)
    return Line(tuple(_value(group, told[group]) for group in groups), currency, figures)


def _minor(amount: str | None, currency: str | None) -> int | None:
    if amount is None or currency is None:
        assert amount is currency is None
        return None
    units = Decimal(amount).scaleb(DECIMALS[currency])
    assert str(Decimal(int(units)).scaleb(-DECIMALS[currency])) == amount
    return int(units)


def _value(group: StatisticsGroup, told: str | None) -> Any:
    if told is None:
        return None
    if group is StatisticsGroup.HOUR:
        start, offset = told.rsplit(" ", 1)
        zone = timezone(timedelta(seconds=int(offset)))
        return datetime.fromisoformat(start).replace(tzinfo=UTC).astimezone(zone)
    return date.fromisoformat(told) if group in {"day", "week", "month"} else told
