"""The overview: how much was asked, by whom, what was refused, which fields were given, and how the seal stands."""

from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, request
from sqlalchemy import Connection

from gateway.console import charts
from gateway.console.auditors import Auditor, blueprint, console_page, for_auditors
from gateway.http import patience
from gateway.runtime import runtime
from partners.access_log import figures as log
from partners.access_log import unsealed
from partners.access_log.figures import DAY, HOUR, Stretch
from partners.access_log.policy_versions import policy_documents
from partners.access_log.search import wait_until_readable
from partners.vocabulary import RECIPIENTS
from serializers.overview import KINDS, Figures, by_field, figures
from serializers.policy.recorded import Policies

OPERATION = "audit.overview"
PERIODS = {"1": "24 hours", "7": "7 days", "30": "30 days", "90": "90 days"}
USUAL = "7"
MOST_PARTNERS = 15
STALE = timedelta(minutes=1)
"""So long nothing that waits may wait for its seal without being pointed out."""


@blueprint.get("")
@for_auditors(OPERATION)
def overview(auditor: Auditor) -> Response:
    """Figures of a period that the page states."""
    days = days_asked()
    within = period(days, g.received_at)
    with runtime().database.write.begin() as connection:
        wait_until_readable(connection)
        with patience.searching():
            told = _told(connection, within)
        auditor.look(connection, OPERATION)
    return console_page(auditor, "overview.html", within=within, days=days, periods=PERIODS, **told)


def days_asked() -> str:
    """The period that an address asks for, or the usual one."""
    days = request.args.get("days")
    return days if days in PERIODS else USUAL


def period(days: str, now: datetime) -> Stretch:
    """The last day by its hours, or more days up to the present one."""
    if days == "1":
        hour = now.replace(minute=0, second=0, microsecond=0)
        return Stretch(hour - 23 * HOUR, hour + HOUR, HOUR)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Stretch(today - (int(days) - 1) * DAY, today + DAY, DAY)


def _told(connection: Connection, within: Stretch) -> dict[str, Any]:
    policies = Policies(policy_documents(connection))
    found = figures(log.sums(connection, within), within)
    fields = by_field(log.verdicts(connection, within), policies)
    sealed = log.sealed(connection)
    waiting = unsealed.waiting(connection, sealed.horizon if sealed else 0)
    most_given = charts.largest(sum(each.given) for each in fields)
    return {
        "figures": found,
        "kinds": KINDS,
        "chart": charts.columns(found.by_time, within.step),
        "partners": _partners(found),
        "reasons": [(reason, count, charts.bar([count], found.by_reason[0][1])) for reason, count in found.by_reason],
        "to": RECIPIENTS,
        "fields": [(each, charts.bar(each.given, most_given)) for each in fields],
        "sealed": sealed,
        "waiting": waiting,
        "is_stale": waiting.since is not None and waiting.since < g.received_at - STALE,
    }


def _partners(found: Figures) -> list[tuple[Any, list[charts.Part]]]:
    most = charts.largest(volume.accesses for volume in found.by_partner)
    return [(volume, charts.bar(volume.kinds, most)) for volume in found.by_partner[:MOST_PARTNERS]]
