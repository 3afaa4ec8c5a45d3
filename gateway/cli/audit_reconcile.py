"""`gateway audit reconcile`: the access log beside a reverse proxy's."""

from http import HTTPStatus
from pathlib import Path

import click

from gateway.cli.audit_alerts import alert_option, tell_gap
from gateway.cli.operator import access_by_operator
from gateway.cli.output import json_text
from gateway.cli.session import session
from partners.access_log.append import record
from partners.access_log.reconciling import answered, differences
from partners.vocabulary import Outcome


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@alert_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def reconcile(file: Path, *, is_told: bool, as_json: bool) -> int:
    """Compare with a proxy's log of `X-Request-Id` and status, one request a line, of paths that are on record.

    It sees what no seal can: a gateway that answers without a record, and records that no request made. Exit status:
    0 if both have the same, otherwise 1; 2 if no line of the file has an id and, after it, a status.
    """
    with file.open(errors="replace") as lines:
        told = answered(lines)
    requests = told.requests
    if told.others and not requests:
        raise click.BadParameter("no line of it has a request id and, after it, a status", param_hint="FILE")
    with session() as opened:
        with opened.database.write.begin() as connection:
            found = list(differences(connection, requests))
            access = access_by_operator(opened.instant(), "audit.reconcile")
            record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK)
        if is_told and found:
            which = f"the first is {found[0].request_id}"
            tell_gap(opened, "reconcile", f"{len(found)} requests are in one log and not in the other; {which}.", [])
    unrecorded = [each.request_id for each in found if not each.is_recorded]
    unknown = [each.request_id for each in found if each.is_recorded]
    if as_json:
        said = {"requests": len(requests), "unrecorded": unrecorded, "unknown_to_proxy": unknown}
        click.echo(json_text({**said, "not_understood": told.others}))
    else:
        for request in unrecorded:
            click.echo(f"Answered without a record: {request}")
        for request in unknown:
            click.echo(f"On record without a request: {request}")
        if told.others:
            click.echo(f"Without a request id and, after it, a status: {told.others} lines.")
        click.echo(f"{len(requests)} requests compared.")
    return 1 if found else 0
