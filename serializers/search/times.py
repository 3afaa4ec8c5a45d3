"""Instants and stretches of time as a search tells them: `2026-10-01`, `>=2026-10-01T12:00Z`, `2026-10..2026-11`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from partners.instants import read_instant

SHAPE = (
    "a date such as 2026-10-01, a month, a year or an instant with its zone; before it `>=`, `>`, `<=` or `<`; or a..b"
)
_DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_TO_THE_MINUTE = re.compile(r"(.{10}[Tt]\d{2}:\d{2})([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_COMPARED = re.compile(r"(>=|<=|>|<)(.+)")


class NotATimeError(ValueError):
    """A text that is no time."""


@dataclass(frozen=True)
class Stretch:
    """From an instant up to, not including, another; open where there is none."""

    since: datetime | None = None
    until: datetime | None = None


def stretch(text: str) -> Stretch:
    """Read a stretch of time; a date means the whole day in UTC, and so on. Raise `NotATimeError`."""
    begin, dots, end = text.partition("..")
    if dots:
        if not begin and not end:
            raise NotATimeError
        return _ordered(_unit(begin).since if begin else None, _unit(end).until if end else None)
    compared = _COMPARED.fullmatch(text)
    if compared is None:
        return _unit(text)
    unit = _unit(compared[2])
    return {
        ">=": Stretch(since=unit.since),
        ">": Stretch(since=unit.until),
        "<=": Stretch(until=unit.until),
        "<": Stretch(until=unit.since),
    }[compared[1]]


def _ordered(since: datetime | None, until: datetime | None) -> Stretch:
    if since is not None and until is not None and since >= until:
        raise NotATimeError
    return Stretch(since, until)


def _unit(text: str) -> Stretch:
    """The year, month, day, minute, second or microsecond that a text names."""
    try:
        day, minute = _DAY.fullmatch(text), _TO_THE_MINUTE.fullmatch(text)
        if day is not None:
            return _of_calendar(*(int(part) if part else None for part in day.groups()))
        if minute is not None:
            since = read_instant(f"{minute[1]}:00{minute[2]}")
            return Stretch(since, since + timedelta(minutes=1))
        since = read_instant(text)
        return Stretch(since, since + (timedelta(microseconds=1) if "." in text else timedelta(seconds=1)))
    except (OverflowError, ValueError):
        raise NotATimeError from None


def _of_calendar(year: int | None, month: int | None, day: int | None) -> Stretch:
    since = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
    if day is not None:
        return Stretch(since, since + timedelta(days=1))
    if month is not None:
        return Stretch(since, datetime(since.year + month // 12, month % 12 + 1, 1, tzinfo=UTC))
    return Stretch(since, datetime(since.year + 1, 1, 1, tzinfo=UTC))
