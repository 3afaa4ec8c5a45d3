"""`gateway partners`: who receives data."""

from dataclasses import replace

import click

from gateway.cli.lazy import Group
from gateway.cli.operator import note
from gateway.cli.output import Document, printed
from gateway.cli.partners_life import accept_terms, activate, close, entry, history, resume, state_of, suspend
from gateway.cli.session import session
from gateway.settings import rate_of
from partners.registry import allowances, partners
from partners.registry.acts import Act
from partners.registry.partners import Partner
from partners.vocabulary import PartnerKind, Status, Work

KINDS = click.Choice([kind.value for kind in PartnerKind])
COUNTRY = "ISO 3166-1 alpha-2; outside the EEA a safeguard is needed."
safeguard = click.option("--safeguard", metavar="TEXT", help="What covers transfers outside the EEA, such as SCC-2021.")


@click.group("partners", cls=Group)
def command() -> None:
    """Register, change and stop partners."""


for each in (accept_terms, activate, suspend, resume, close, history):
    command.add_command(each)


@command.command()
@click.argument("kind", type=KINDS, metavar="KIND")
@click.argument("identifier", metavar="ID")
@click.option("--name", required=True, help="As members read it in their list of disclosures.")
@click.option("--no-terms", is_flag=True, help="The terms are not accepted yet: no tokens.")
@click.option("--invite", is_flag=True, help="Not let in yet: it accepts the terms first, and is then activated.")
@click.option("--country", metavar="CC", default=partners.DEFAULT_COUNTRY, show_default=True, help=COUNTRY)
@safeguard
@printed
def add(
    kind: str, identifier: str, name: str, *, no_terms: bool, invite: bool, country: str, safeguard: str | None
) -> Document:
    """Register a partner under the ID that the platform's feed calls it.

    KIND is webmaster, tracker, model_center, platform or auditor.
    """
    with session() as opened, opened.database.write.begin() as connection:
        accepted_at = None if no_terms or invite else opened.instant()
        new = Partner(
            id=identifier,
            kind=PartnerKind(kind),
            name=name,
            country=country,
            safeguard=safeguard,
            terms_accepted_at=accepted_at,
            terms_version=opened.settings.terms.version,
            status=Status.INVITED if invite else Status.ACTIVE,
        )
        added = partners.add(connection, new)
        note(opened, connection, Act("oauth.partners.add", partner=added.id, detail=state_of(added)))
        return entry(added)


@command.command()
@click.argument("identifier", metavar="ID")
@click.option("--name", help="As members read it in their list of disclosures.")
@click.option("--terms/--no-terms", default=None, help="Whether the current terms are accepted.")
@click.option("--country", metavar="CC", help=COUNTRY)
@safeguard
@click.option("--no-safeguard", is_flag=True, help="There is no safeguard any more.")
@printed
def update(
    identifier: str,
    *,
    name: str | None,
    terms: bool | None,
    country: str | None,
    safeguard: str | None,
    no_safeguard: bool,
) -> Document:
    """Change a partner. What it may no longer have, its tokens no longer open."""
    if safeguard is not None and no_safeguard:
        raise click.UsageError("--safeguard and --no-safeguard exclude each other.")
    with session() as opened, opened.database.write.begin() as connection:
        before = partners.get(connection, identifier, lock=True)
        accepted_at = before.terms_accepted_at
        if terms is not None:
            accepted_at = opened.instant() if terms else None
        version = opened.settings.terms.version if terms else before.terms_version
        changed = replace(
            before,
            name=before.name if name is None else name,
            country=before.country if country is None else country,
            safeguard=None if no_safeguard else before.safeguard if safeguard is None else safeguard,
            terms_accepted_at=accepted_at,
            terms_version=version,
        )
        after = partners.change(connection, changed)
        news = {name: value for name, value in state_of(after).items() if state_of(before)[name] != value}
        note(opened, connection, Act("oauth.partners.update", partner=after.id, detail=news))
        return entry(after)


@command.command("list")
@printed
def list_all() -> Document:
    """List all partners."""
    with session() as opened, opened.database.write.connect() as connection:
        return [entry(partner) for partner in partners.every(connection)]


@command.command()
@click.argument("identifier", metavar="ID")
@click.argument("kind", type=click.Choice([work.value for work in Work if work is not Work.SIGN_IN]), metavar="KIND")
@click.argument("rate", metavar="RATE")
@printed
def limit(identifier: str, kind: str, rate: str) -> Document:
    """Give a partner a rate of its own, within seconds in every worker.

    KIND is token, stats, members, cards, audit or exports; RATE such as 100/minute, 100 in the
    kind's usual unit, or `usual`.
    """
    with session() as opened, opened.database.write.begin() as connection:
        own = None if rate == "usual" else rate_of(Work(kind), rate)
        allowances.give(connection, identifier, Work(kind), own)
        given = {"kind": kind, "rate": own or rate}
        note(opened, connection, Act("oauth.partners.limit", partner=identifier, detail=given))
        return {"partner": identifier, **given}
