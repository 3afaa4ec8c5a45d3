"""`gateway webhooks`: telling partners what has happened to members whose data they received."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from gateway.background.notices import Delivery
from gateway.background.posting import UnsafeAddressError, target_of
from gateway.cli.lazy import Group
from gateway.cli.operator import note
from gateway.cli.options import overlap_option
from gateway.cli.output import Document, json_text, printed, printed_before
from gateway.cli.session import Session, session, told_to_stop
from partners import outbox, webhooks
from partners.access_log.identifiers import parse, public
from partners.registry import RegistryError, partners
from partners.registry.acts import Act
from partners.vocabulary import NoticeOutcome
from serializers.webhooks import NOTICE_PREFIX, notice_document

partner_argument = click.argument("partner", metavar="PARTNER")


@click.group("webhooks", cls=Group)
def command() -> None:
    """Tell partners of erasures, restrictions, withdrawals and corrections of data they received."""


@command.command()
@partner_argument
@click.argument("url", metavar="URL")
@printed_before
def add(partner: str, url: str) -> Iterator[Document]:
    """Register where PARTNER, a webmaster or model center, is told. The secret is shown this once and never again.

    URL is https, or of this very machine. Every notice is signed (Standard Webhooks) and must be acknowledged.
    """
    try:
        target_of(url)
    except UnsafeAddressError as error:
        raise click.ClickException(f"{url} cannot be an endpoint: {error}.") from None
    with session() as opened, opened.database.write.begin() as connection:
        secret = webhooks.add(connection, partner, url, opened.keyring, now=opened.instant())
        note(opened, connection, Act("webhooks.add", partner=partner))
        yield {"partner": partner, "url": url, "secret": secret}


@command.command("list")
@printed
def list_all() -> Document:
    """List endpoints, and the backlog of every partner that has still to be told something."""
    with _addressed() as opened, opened.database.write.connect() as connection:
        return [{str(name): value for name, value in row._asdict().items()} for row in webhooks.overview(connection)]


@command.command()
@partner_argument
@printed
def remove(partner: str) -> Document:
    """Forget PARTNER's endpoint. What it was not told has to be told by hand: see `pending`."""
    with session() as opened, opened.database.write.begin() as connection:
        webhooks.remove(connection, partner)
        note(opened, connection, Act("webhooks.remove", partner=partner))
    return {"partner": partner, "url": None}


@command.command("rotate-secret")
@partner_argument
@overlap_option
@printed_before
def rotate_secret(partner: str, overlap: int) -> Iterator[Document]:
    """Give PARTNER a new secret, shown this once and never again."""
    with session() as opened, opened.database.write.begin() as connection:
        days = timedelta(days=overlap)
        secret = webhooks.rotate(connection, partner, opened.keyring, now=opened.instant(), overlap=days)
        note(opened, connection, Act("webhooks.rotate_secret", partner=partner))
        yield {"partner": partner, "secret": secret}


@command.command()
@click.option("--once", is_flag=True, help="Tell whoever is due now, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once, print one JSON document.")
def deliver(*, once: bool, as_json: bool) -> None:
    """Tell partners until SIGTERM or SIGINT. Any number of these may run; each notice is told once."""
    if as_json and not once:
        raise click.UsageError("--json tells how many were acknowledged in the end: give --once too.")
    with session() as opened:
        delivery = _delivery(opened)
        if once:
            told = delivery.once()
            click.echo(json_text({"acknowledged": told}) if as_json else f"{told} notices were acknowledged.")
        else:
            delivery.run(told_to_stop())


@command.command()
@partner_argument
@printed
def pending(partner: str) -> Document:
    """Show what PARTNER has still to be told, to tell a partner without endpoint by hand; the look is on record."""
    with _addressed() as opened, opened.database.write.begin() as connection:
        owner = partners.get(connection, partner)
        waiting = outbox.waiting_for(connection, owner.number)
        note(opened, connection, Act("webhooks.pending", partner=partner, detail={"notices": len(waiting)}))
        subjects = (opened.keyring.unseal(each.sealed_subject).decode() for each in waiting)
        found = [notice_document(each, who, owner.kind) for each, who in zip(waiting, subjects, strict=True)]
    return [{"type": each["type"], "since": each["timestamp"], "fields": [], **each["data"]} for each in found]


@command.command()
@click.argument("notices", metavar="NOTICE…", nargs=-1, required=True)
@printed
def told(notices: tuple[str, ...]) -> Document:
    """Put down that a partner was told by hand, by the ids that `pending` shows."""
    with session() as opened, opened.database.write.begin() as connection:
        for text in notices:
            identifier = parse(NOTICE_PREFIX, text)
            by_hand, now = NoticeOutcome.TOLD_BY_HAND, opened.instant()
            partner = outbox.close(connection, identifier, by_hand, now=now) if identifier else None
            if identifier is None or partner is None:
                raise RegistryError(f"there is no open notice {text}")
            act = Act("webhooks.told", partner=partner, subject=public(NOTICE_PREFIX, identifier))
            note(opened, connection, act)
    return {"told": list(notices)}


def _delivery(opened: Session) -> Delivery:
    return Delivery(opened.settings, opened.keyring, opened.database)


@contextmanager
def _addressed() -> Iterator[Session]:
    """A session in which the log has been asked for recipients just now, whether or not anybody delivers."""
    with session() as opened:
        _delivery(opened).address()
        yield opened
