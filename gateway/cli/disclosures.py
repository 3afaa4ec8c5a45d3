"""`gateway disclosures`: what was disclosed outside the gateway, entered by hand (R27)."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

import click

from gateway.cli.lazy import Group
from gateway.cli.operator import access_by_operator
from gateway.cli.output import Document, printed
from gateway.cli.session import session
from partners.access_log.append import record
from partners.access_log.disclosures import ENTERED_BY_HAND, Outside, enter
from partners.access_log.identifiers import EPOCH
from partners.instants import read_instant
from partners.members import NoSuchMemberError, require_member
from partners.registry import RegistryError
from partners.texts import is_label
from partners.vocabulary import Outcome, Purpose, RecipientKind
from serializers.archive import CATEGORIES
from serializers.policies import POLICIES

LONGEST_NAME = 200
NAMES = sorted({field.name for policy in POLICIES for field in policy.fields} | {each.name for each in CATEGORIES})


@click.group("disclosures", cls=Group)
def command() -> None:
    """Complete what members are told about disclosures."""


@command.command()
@click.argument("member", metavar="MEMBER")
@click.option(
    "--recipient-kind",
    "kind",
    type=click.Choice([kind.value for kind in RecipientKind]),
    required=True,
    help="What it is.",
)
@click.option("--recipient", required=True, metavar="NAME", help="Who it is, as the member will read it.")
@click.option(
    "--field",
    "fields",
    type=click.Choice(NAMES),
    metavar="NAME",
    multiple=True,
    required=True,
    help="What was disclosed: a field as the policy names it, or a category of the archive. Repeat it for more.",
)
@click.option(
    "--purpose",
    type=click.Choice([purpose.value for purpose in Purpose]),
    default=Purpose.OPERATION.value,
    show_default=True,
    help="What for.",
)
@click.option("--at", metavar="INSTANT", help="When, in RFC 3339; default: now.")
@printed
def add(member: str, *, kind: str, recipient: str, fields: tuple[str, ...], purpose: str, at: str | None) -> Document:
    """Enter a disclosure about MEMBER, by the platform's id, that was made outside the gateway.

    It is put on record in the access log, and stands in the member's list of disclosures and archive from now on.
    """
    if not is_label(recipient, LONGEST_NAME):
        raise click.UsageError(f"The recipient's name has 1 to {LONGEST_NAME} printable characters.")
    with session() as opened, opened.database.write.begin() as connection:
        now = opened.instant()
        try:
            number = require_member(connection, member, opened.keyring).not_erased()
        except NoSuchMemberError:
            raise RegistryError(f"there is no member {member}") from None
        when = now if at is None else _instant(at, now)
        each_once = tuple(dict.fromkeys(fields))
        enter(connection, Outside(when, number, RecipientKind(kind), recipient, purpose, each_once), now=now)
        access = replace(access_by_operator(now, ENTERED_BY_HAND), purpose=Purpose.MEMBERS_RIGHTS)
        record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.CREATED, members=[number])
    return {"member": member, "recipient_kind": kind, "recipient": recipient, "fields": each_once, "at": when}


def _instant(text: str, now: datetime) -> datetime:
    try:
        instant = read_instant(text)
    except ValueError:
        instant = None
    if instant is None or not EPOCH <= instant <= now:
        raise click.UsageError("--at is a past instant in RFC 3339, such as 2026-11-01T09:30:00Z.")
    return instant
