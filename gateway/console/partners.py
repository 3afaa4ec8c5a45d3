"""What a partner saw: how many members on each day, which of their fields, and what it was refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Response, g, request
from sqlalchemy import Connection

from gateway.account.pages import PageError
from gateway.console import charts
from gateway.console.auditors import Auditor, blueprint, console_page, for_auditors
from gateway.console.overview import PERIODS, days_asked, period
from gateway.http import patience
from gateway.runtime import runtime
from partners.access_log import figures as log
from partners.access_log.figures import Stretch
from partners.access_log.policy_versions import policy_documents
from partners.access_log.search import wait_until_readable
from partners.registry import partners as registry
from partners.registry.partners import Partner
from partners.vocabulary import Outcome, Reason
from serializers.overview import KINDS, by_field_and_time, figures
from serializers.policy.recorded import Policies

OPERATION = "audit.partner"


@blueprint.get("/partners")
@for_auditors(OPERATION)
def partner(auditor: Auditor) -> Response:
    """Every partner there is, or what one of them saw in a period that the page states."""
    wanted, days = request.args.get("partner"), days_asked()
    within = period(days, g.received_at)
    with runtime().database.write.begin() as connection:
        known = {each.id: each for each in registry.every(connection)}
        told = _told(connection, within, known, wanted) if wanted is None or wanted in known else None
        if told is not None:
            auditor.look(connection, OPERATION)
        else:
            status, reason = HTTPStatus.NOT_FOUND, Reason.UNKNOWN
            auditor.look(connection, OPERATION, outcome=Outcome.NOT_FOUND, status=status, reason=reason)
    if told is None:
        raise PageError(HTTPStatus.NOT_FOUND, "There is no such partner", "The list of partners has all of them.")
    template = "partners.html" if wanted is None else "partner.html"
    return console_page(auditor, template, periods=PERIODS, within=within, days=days, **told)


def _told(connection: Connection, within: Stretch, known: dict[str, Partner], wanted: str | None) -> dict[str, Any]:
    wait_until_readable(connection)
    with patience.searching():
        return _all(connection, within, known) if wanted is None else _one(connection, within, known[wanted])


def _all(connection: Connection, within: Stretch, known: dict[str, Partner]) -> dict[str, Any]:
    found = figures(log.sums(connection, within), within)
    rows = [(each, found.of(each.id, each.kind)) for each in known.values()]
    most = charts.largest(volume.accesses for _, volume in rows)
    return {
        "rows": [(each, volume, charts.bar(volume.kinds, most)) for each, volume in rows],
        "kinds": KINDS,
    }


def _one(connection: Connection, within: Stretch, one: Partner) -> dict[str, Any]:
    found = figures(log.sums(connection, within, one.id), within)
    members = log.members_given(connection, within, one.id)
    policies = Policies(policy_documents(connection))
    fields = by_field_and_time(log.verdicts(connection, within, one.id), policies)
    most = charts.largest(count for counts in fields.values() for count in counts.values())
    slots = within.slots()
    return {
        "partner": one,
        "kinds": KINDS,
        "figures": found,
        "members": members.get(None, 0),
        "chart": charts.columns(found.by_time, within.step),
        "members_chart": charts.columns([(slot, [members.get(slot, 0)]) for slot in slots], within.step),
        "slots": slots,
        "heat": [(name, _cells(counts, slots, most), sum(counts.values())) for name, counts in fields.items()],
        "shades": range(1, charts.SHADES + 1),
        "most": most,
    }


def _cells(counts: Mapping[datetime, int], slots: Sequence[datetime], most: int) -> list[tuple[int, int]]:
    return [(counts.get(slot, 0), charts.shade(counts.get(slot, 0), most)) for slot in slots]
