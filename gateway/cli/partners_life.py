"""The life of a partner: invited, active, suspended, closed; the terms it accepts, and all that was done about it."""

from datetime import UTC, datetime

import click

from gateway.cli.approvals import act_of
from gateway.cli.operator import in_words, note
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import session
from gateway.settings import operator_name
from partners.registry import acts, approvals, partners, terms
from partners.registry.acts import Act
from partners.registry.partners import Partner

identifier = click.argument("identifier", metavar="ID")
reason = click.option("--reason", callback=in_words, metavar="TEXT", help="Why, for the record.")


@click.command("accept-terms")
@identifier
@click.option("--version", metavar="V", help="Which terms; by default, and where they bind, those of GATEWAY_TERMS.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="On which day; default: now.")
@printed
def accept_terms(identifier: str, *, version: str | None, day: datetime | None) -> Document:
    """Record that a partner accepted the terms."""
    with session() as opened, opened.database.write.begin() as connection:
        now, current = opened.instant(), opened.settings.terms
        at = day.replace(tzinfo=UTC) if day else now
        given, binding = version or current.version, current.binding(now)
        accepted = terms.accept(connection, identifier, given, at=at, now=now, binding=binding)
        detail = {"version": accepted.terms_version, "accepted_at": at.isoformat()}
        note(opened, connection, Act("oauth.partners.accept-terms", partner=identifier, detail=detail))
        return entry(accepted)


@click.command()
@identifier
@printed
def activate(identifier: str) -> Document:
    """Let an invited partner in, once it has accepted the terms."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = partners.activate(connection, identifier)
        note(opened, connection, Act("oauth.partners.activate", partner=identifier))
        return entry(changed)


@click.command()
@identifier
@reason
@printed
def suspend(identifier: str, *, reason: str | None) -> Document:
    """Stop a partner's very next request. Its tokens stay dead for good."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = partners.suspend(connection, identifier)
        note(opened, connection, Act("oauth.partners.suspend", partner=identifier, detail=_because(reason)))
        return entry(changed)


@click.command()
@identifier
@reason
@printed
def resume(identifier: str, *, reason: str | None) -> Document:
    """Let a suspended partner get new tokens."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = partners.resume(connection, identifier)
        note(opened, connection, Act("oauth.partners.resume", partner=identifier, detail=_because(reason)))
        return entry(changed)


@click.command()
@identifier
@click.option("--reason", callback=in_words, metavar="TEXT", required=True, help="Why, for the record.")
@printed
def close(identifier: str, *, reason: str) -> Document:
    """End a partner for good, with its clients, people, tokens and what is proposed for it.

    The ID is never used again; all records stay.
    """
    with session() as opened, opened.database.write.begin() as connection:
        # Proposals before the partner: whoever approves one takes their locks in this order.
        for each in approvals.refuse_all_of(connection, identifier, operator=operator_name(), now=opened.instant()):
            note(opened, connection, act_of("refuse", each, reason=reason))
        changed = partners.close(connection, identifier)
        note(opened, connection, Act("oauth.partners.close", partner=identifier, detail=_because(reason)))
        return entry(changed)


@click.command()
@identifier
@printed
def history(identifier: str) -> Document:
    """Tell what operators did about a partner and its clients, the oldest first."""
    with session() as opened, opened.database.write.connect() as connection:
        partners.get(connection, identifier)
        return [_told(done) for done in acts.of_partner(connection, identifier)]


def entry(partner: Partner) -> Entry:
    """A partner as commands print it."""
    return {
        "id": partner.id,
        "kind": partner.kind.value,
        "name": partner.name,
        "country": partner.country,
        "safeguard": partner.safeguard,
        "terms_accepted_at": partner.terms_accepted_at,
        "terms_version": partner.terms_version if partner.terms_accepted_at else None,
        "status": partner.status.value,
    }


def state_of(partner: Partner) -> dict[str, object]:
    """A partner as an act keeps it."""
    at = partner.terms_accepted_at
    return {**entry(partner), "terms_accepted_at": at.isoformat() if at else None}


def _told(done: acts.Entry) -> Entry:
    return {
        "at": done.at,
        "operator": done.operator,
        "operation": done.act.operation,
        "client": done.act.client,
        "subject": done.act.subject,
        "detail": done.act.detail,
        "request_id": done.request_id,
    }


def _because(reason: str | None) -> dict[str, object]:
    return {"reason": reason} if reason else {}
