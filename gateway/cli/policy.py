"""`gateway policy`: what the gateway discloses, as published, and as it stands for one member."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import click
from sqlalchemy import Connection

from gateway.cli.lazy import Group
from gateway.cli.operator import access_by_operator
from gateway.cli.output import Document, json_text
from gateway.cli.session import Session, session
from partners.access_log.append import record
from partners.members import NoSuchMemberError, require_member
from partners.registry import issuers, partners, terms
from partners.vocabulary import Outcome, PartnerKind, Reason, Status
from serializers import verdicts
from serializers.policies import DOCUMENT, VERSION
from serializers.policy.publish import markdown
from serializers.verdicts import Decision

MODEL = "model"


@dataclass(frozen=True)
class Asking:
    """Who would ask, and why nothing about single members would be answered whoever they are."""

    name: str
    kind: str
    id: str
    refused: Reason | None = None


@click.group("policy", cls=Group)
def command() -> None:
    """Read the disclosure policy."""


@command.command()
@click.option("--format", "form", type=click.Choice(["md", "json"]), default="md", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def show(form: str, *, as_json: bool) -> None:
    """Print the disclosure matrix: audience, field, rule, reasons and clause."""
    if as_json or form == "json":
        click.echo(json_text({"policy_version": VERSION, "matrix": list(_matrix()), "policies": DOCUMENT}))
    else:
        click.echo(markdown(DOCUMENT, VERSION), nl=False)


@command.command()
@click.option("--as", "caller", required=True, metavar="webmaster:ID|model:ID", help="Who would ask.")
@click.option("--member", "member_id", required=True, metavar="ID", help="The platform's id of the member.")
@click.option("--sensitive", is_flag=True, help="As with a token that has cards.sensitive:read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(caller: str, member_id: str, *, sensitive: bool, as_json: bool) -> None:
    """Say for every field whether it would be shown now, and why not. No value is read; the look is on record."""
    with session() as opened, opened.database.write.begin() as connection:
        asking = _asking(opened, connection, caller)
        decision = _decision(opened, connection, asking, member_id, sensitive=sensitive)
    document = _document(asking, member_id, decision)
    click.echo(json_text(document) if as_json else "\n".join(_lines(asking, member_id, decision)))


def _matrix() -> Iterator[dict[str, object]]:
    for name, policy in DOCUMENT.items():
        for field_name, field in policy["fields"].items():
            yield {
                "audience": policy["audience"],
                "policy": name,
                "field": field_name,
                "rule": field["shown"],
                "reasons": field["reasons"],
                "clause": field["clause"],
            }


def _asking(opened: Session, connection: Connection, caller: str) -> Asking:
    kind, _, identifier = caller.partition(":")
    if kind == MODEL and identifier:
        if not issuers.knows_model(connection, identifier):
            raise click.ClickException(f"There is no model {identifier}.")
        return Asking(caller, kind, identifier)
    if kind != PartnerKind.WEBMASTER or not identifier:
        raise click.UsageError("--as takes webmaster:ID or model:ID.")
    webmaster = partners.get(connection, identifier)
    if webmaster.kind is not PartnerKind.WEBMASTER:
        raise click.ClickException(f"{identifier} is no webmaster.")
    if webmaster.status is not Status.ACTIVE:
        return Asking(caller, kind, identifier, Reason.SUSPENDED)
    binding = opened.settings.terms.binding(opened.instant())
    may = webmaster.may_have_member_rows() and terms.are_accepted(connection, identifier, binding)
    return Asking(caller, kind, identifier, None if may else Reason.INSUFFICIENT_SCOPE)


def _decision(opened: Session, connection: Connection, asking: Asking, member_id: str, *, sensitive: bool) -> Decision:
    access = access_by_operator(opened.instant(), "policy.explain")
    try:
        number = require_member(connection, member_id, opened.keyring).number
    except NoSuchMemberError as nobody:
        reason = nobody.reason
        record(connection, access, outcome=Outcome.NOT_FOUND, status=HTTPStatus.NOT_FOUND, reason=reason)
        return Decision((reason,), {})
    record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK, members=[number])
    now = opened.settings.now()
    if asking.kind == MODEL:
        return verdicts.for_model(connection, asking.id, sensitive=sensitive, member_number=number, now=now)
    return verdicts.for_webmaster(connection, asking.id, member_number=number, now=now)


def _fields(asking: Asking, decision: Decision) -> dict[str, list[Reason]]:
    """Every field with all for which it is not shown; where nothing is, what keeps the member or the caller away."""
    nowhere = [*filter(None, [asking.refused]), *decision.absent]
    return {name: [*nowhere, *own] for name, own in decision.withheld.items()}


def _document(asking: Asking, member_id: str, decision: Decision) -> Document:
    return {
        "as": asking.name,
        "member": member_id,
        "policy_version": VERSION,
        "refused": asking.refused,
        "exists": asking.refused is None and not decision.absent,
        "reasons": decision.absent,
        "fields": [
            {"field": name, "shown": not reasons, "reasons": reasons}
            for name, reasons in _fields(asking, decision).items()
        ],
    }


def _lines(asking: Asking, member_id: str, decision: Decision) -> Iterator[str]:
    yield f"Member {member_id} as {asking.name} would see them now, under policy {VERSION}."
    if asking.refused is not None:
        yield f"{asking.name} gets no member rows at all: {asking.refused}."
    if decision.absent:
        yield f"The member does not exist for {asking.name}: {', '.join(decision.absent)}."
    if decision.withheld:
        width = max(map(len, decision.withheld))
        yield "Its fields are:"
        for name, reasons in _fields(asking, decision).items():
            yield f"  {name.ljust(width)}  {'withheld: ' + ', '.join(reasons) if reasons else 'shown'}"
