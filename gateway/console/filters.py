"""How templates write instants, numbers and searches."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Flask
from markupsafe import Markup

from gateway.api.reference import in_code
from gateway.console.words import CASE_PURPOSES, OUTCOMES
from gateway.http.codes import REASONS
from partners.access_log.figures import DAY, Stretch
from partners.access_log.identifiers import OPERATOR_PREFIX
from partners.vocabulary import CasePurpose, Outcome, Reason
from serializers.operations import OPERATIONS
from serializers.search.language import Qualifier, Term, write


def register(app: Flask) -> None:
    """Give templates these filters."""
    words = (purpose_words, reason_words, outcome_words, outcome_sign, operation_words)
    for each in (when, day, number, asking, during, is_operator, *words):
        app.add_template_filter(each)


def when(instant: datetime) -> Markup:
    """An instant to the millisecond, in UTC."""
    utc = instant.astimezone(UTC)
    shown = f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1_000:03}"
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), shown)


def day(instant: datetime) -> Markup:
    """The day and minute of an instant, in UTC."""
    utc = instant.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), f"{utc:%Y-%m-%d %H:%M}")


def number(value: int) -> str:
    """A number with its thousands apart."""
    return f"{value:,}".replace(",", "\u202f")


def asking(value: str, qualifier: str, within: Stretch | None = None) -> str:
    """The address of the search for a value, in a period or ever."""
    query = write([Term(Qualifier(qualifier), (value,))])
    return during(query, within) if within else _search(query)


def during(query: str, within: Stretch) -> str:
    """The address of a search for what was there in a period up to the present."""
    return _search(f"{query} at:>={within.since:{'%Y-%m-%d' if within.step == DAY else '%Y-%m-%dT%H:%MZ'}}")


def _search(query: str) -> str:
    return "/console/search?" + urlencode({"q": query})


def purpose_words(purpose: str) -> str:
    """A case's purpose in words."""
    return CASE_PURPOSES[CasePurpose(purpose)]


def reason_words(reason: str) -> Markup:
    """A reason in words; the code where an old one has none."""
    return in_code(REASONS[Reason(reason)].meaning if reason in set(Reason) else reason)


def outcome_words(outcome: str) -> str:
    """What an outcome means."""
    return OUTCOMES[Outcome(outcome)][1]


def outcome_sign(outcome: str) -> str:
    """An outcome's sign."""
    return OUTCOMES[Outcome(outcome)][0]


def operation_words(operation: str) -> str:
    """An operation in words; its name where it has none."""
    known = OPERATIONS.get(operation)
    return known.words if known else operation


def is_operator(client: str | None) -> bool:
    """Whether the log has an operator at the machine where it has the client of others."""
    return client is not None and client.startswith(OPERATOR_PREFIX)
