"""`gateway audit detect` and `gateway audit alerts`: what is out of the ordinary in the access log."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from uuid import UUID

import click

from gateway.cli.lazy import Group
from gateway.cli.operator import access_by_operator
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import Session, session
from gateway.settings import operator_name
from partners.access_log.append import Access, record
from partners.access_log.identifiers import EPOCH
from partners.detections import alerts as stored
from partners.detections.alerts import UNSETTLED, Alert, Wanted
from partners.detections.gaps import found_elsewhere
from partners.detections.raising import raise_alerts
from partners.detections.running import Run
from partners.detections.running import detect as run_detections
from partners.instants import read_instant
from partners.vocabulary import AlertState, Detection, Outcome, Reason, Tier
from serializers.alerts import alert_document

_identifier = click.argument("alert", metavar="ALERT")


alert_option = click.option("--alert", "is_told", is_flag=True, help="Raise a `gap` alert where anything is found.")


def tell_gap(opened: Session, what: str, summary: str, records: Sequence[UUID]) -> None:
    """Raise an alert, once a day, about what a look at the log itself has found."""
    now = opened.instant()
    suspicion = found_elsewhere(what, summary, records, now=now)
    with opened.database.write.begin() as connection:
        raise_alerts(connection, [suspicion], now=now, recorded=lambda each, at: access_by_operator(at, each))


class Since(click.ParamType[datetime]):
    """An RFC 3339 instant; those before any record could be are all the same."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it; without an offset it would mean something else from place to place."""
        try:
            return max(read_instant(str(value)), EPOCH)
        except ValueError:
            self.fail(f"{value!r} is no instant such as 2026-11-01T00:00:00Z.", param, ctx)


@click.command()
@click.option("--since", type=Since(), help="Judge again from an instant on; nothing is told twice.")
@printed
def detect(since: datetime | None) -> Document:
    """Count what was sealed since the last run, judge it, and raise alerts. Run it every few minutes."""
    with session() as opened:
        engine, now = opened.database.write, opened.instant()
        run = run_detections(engine, now=now, recorded=lambda what, at: access_by_operator(at, what), since=since)
    if run is None:
        raise click.ClickException("Another process runs the detections.")
    return _told(run)


def _told(run: Run) -> Entry:
    return {
        "entries": run.entries,
        "raised": [f"{each.alert.tier} {each.alert.rule} {each.alert.public_id}" for each in run.raised],
        **{f"unsettled_{tier}": count for tier, count in run.unsettled.items()},
    }


@click.group("alerts", cls=Group)
def alerts() -> None:
    """Read the alerts that the detections raised, and say what became of them."""


@alerts.command("list")
@click.option("--all", "is_all", is_flag=True, help="Also those that are closed.")
@click.option("--tier", type=click.Choice([each.value for each in Tier]))
@click.option("--rule", type=click.Choice([each.value for each in Detection]))
@click.option("--partner", metavar="ID")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@printed
def list_all(*, is_all: bool, tier: str | None, rule: str | None, partner: str | None, limit: int) -> Document:
    """List the alerts that nobody has closed, the newest first."""
    wanted = Wanted(
        states=tuple(AlertState) if is_all else UNSETTLED,
        tier=Tier(tier) if tier else None,
        rule=Detection(rule) if rule else None,
        partner=partner,
    )
    with session() as opened, opened.database.write.begin() as connection:
        found = stored.find(connection, wanted, limit=limit)
        outcome = Outcome.RELEASED if found else Outcome.EMPTY
        record(connection, access_by_operator(opened.instant(), "audit.alerts"), outcome=outcome, status=HTTPStatus.OK)
    return [_line(each) for each in found]


@alerts.command()
@_identifier
@printed
def show(alert: str) -> Document:
    """Show an alert whole: its figures beside the baseline, and the records that show it."""
    with session() as opened, opened.database.write.begin() as connection:
        found = stored.get(connection, alert)
        access = access_by_operator(opened.instant(), "audit.alert")
        if found is None:
            record(connection, access, outcome=Outcome.NOT_FOUND, status=HTTPStatus.NOT_FOUND, reason=Reason.UNKNOWN)
        else:
            record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK)
    if found is None:
        raise click.ClickException(f"There is no alert {alert}.")
    return alert_document(found)


@alerts.command()
@_identifier
@printed
def acknowledge(alert: str) -> Document:
    """Say that somebody looks at it."""
    return _changed("audit.acknowledge", partial(stored.acknowledge, identifier=alert, by=operator_name()))


@alerts.command()
@_identifier
@click.option("--note", required=True, help="What it was.")
@click.option("--false-positive", is_flag=True, help="Raise this rule's floor for whom it is about, for 28 days.")
@printed
def close(alert: str, note: str, *, false_positive: bool) -> Document:
    """End it with a note: it was dealt with, or it was nothing."""
    asked = {"identifier": alert, "by": operator_name(), "note": note, "false_positive": false_positive}
    return _changed("audit.close", partial(stored.close, **asked))  # type: ignore[arg-type]


@alerts.command("floors")
@printed
def list_floors() -> Document:
    """List the floors that false-positive marks have raised, and until when."""
    with session() as opened, opened.database.write.begin() as connection:
        found = stored.floors(connection, now=opened.instant())
        outcome = Outcome.RELEASED if found else Outcome.EMPTY
        record(connection, access_by_operator(opened.instant(), "audit.floors"), outcome=outcome, status=HTTPStatus.OK)
    return [
        {
            "rule": each.rule,
            "partner": each.whom.partner,
            "client": each.whom.client,
            "model": each.whom.model,
            "network": each.network,
            "value": each.value,
            "until": each.until,
            "by": each.set_by,
            "alert": each.alert_id,
        }
        for each in found
    ]


@alerts.command()
@_identifier
@printed
def lower(alert: str) -> Document:
    """End the floor that the mark of this alert has raised, before its time."""
    with session() as opened, opened.database.write.begin() as connection:
        stored.lower(connection, alert, access=access_by_operator(opened.instant(), "audit.lower"))
    return {"lowered": alert}


def _changed(operation: str, change: Callable[..., Alert]) -> Document:
    with session() as opened, opened.database.write.begin() as connection:
        access: Access = access_by_operator(opened.instant(), operation)
        return _line(change(connection, access=access))


def _line(alert: Alert) -> Entry:
    return {
        "id": alert.public_id,
        "tier": alert.tier.value,
        "rule": alert.rule.value,
        "state": alert.state.value,
        "partner": alert.partner,
        "client": alert.client,
        "since": alert.since,
        "summary": alert.summary,
    }
