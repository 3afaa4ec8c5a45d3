"""`gateway approvals`: what one operator proposed and another decides."""

import click

from gateway.cli.lazy import Group
from gateway.cli.operator import in_words, note
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import Session, session
from gateway.settings import operator_name
from partners.registry import approvals
from partners.registry.acts import Act
from partners.registry.approvals import Kind, Proposal, SameOperatorError, State
from partners.vocabulary import Reason

identifier = click.argument("identifier", metavar="ID")


@click.group("approvals", cls=Group)
def command() -> None:
    """Grant member-level scopes by two people: one proposes, another approves."""


@command.command()
@printed
def require() -> Document:
    """Need two operators from now on for every grant of a member-level scope. To end that takes two as well."""
    with session() as opened, opened.database.write.begin() as connection:
        approvals.require(connection, now=opened.instant())
        note(opened, connection, Act("oauth.approvals.require"))
    return {"two_person": True}


@command.command()
@printed
def waive() -> Document:
    """Propose that one operator shall be enough again; another has to approve it."""
    with session() as opened, opened.database.write.begin() as connection:
        made = approvals.propose(connection, Kind.WAIVE, operator=operator_name(), now=opened.instant())
        note(opened, connection, act_of("propose", made))
        return entry(made)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="The decided and the expired too.")
@printed
def list_all(*, everything: bool) -> Document:
    """List what waits to be decided."""
    with session() as opened, opened.database.write.connect() as connection:
        proposals = approvals.every(connection, now=opened.instant())
        return [entry(each) for each in proposals if everything or each.state is State.PENDING]


@command.command()
@identifier
@printed
def approve(identifier: str) -> Document:
    """Let a proposal of somebody else take effect."""
    with session() as opened:
        try:
            with opened.database.write.begin() as connection:
                decided = approvals.approve(connection, identifier, operator=operator_name(), now=opened.instant())
                note(opened, connection, act_of("approve", decided))
        except SameOperatorError as error:
            _note_refusal(opened, error.proposal)
            raise
        return entry(decided)


@command.command()
@identifier
@click.option("--reason", callback=in_words, metavar="TEXT", help="Why, for the record.")
@printed
def refuse(identifier: str, *, reason: str | None) -> Document:
    """Let a proposal come to nothing, or take back one's own."""
    with session() as opened, opened.database.write.begin() as connection:
        decided = approvals.refuse(connection, identifier, operator=operator_name(), now=opened.instant())
        note(opened, connection, act_of("refuse", decided, **({"reason": reason} if reason else {})))
        return entry(decided)


def act_of(verb: str, proposal: Proposal, **more: str) -> Act:
    """What was done to a proposal, for the record."""
    detail = {"kind": proposal.kind, "scopes": proposal.scopes, "proposed_by": proposal.proposed_by, **more}
    about = {"partner": proposal.partner, "client": proposal.client, "subject": proposal.id}
    return Act(f"oauth.approvals.{verb}", **about, detail=detail)


def entry(proposal: Proposal) -> Entry:
    """A proposal as commands print it."""
    return {
        "approval": proposal.id,
        "kind": proposal.kind.value,
        "state": proposal.state.value,
        "partner": proposal.partner,
        "client": proposal.client,
        "scopes": proposal.scopes,
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at,
        "expires_at": proposal.expires_at,
        "decided_by": proposal.decided_by,
        "decided_at": proposal.decided_at,
    }


def _note_refusal(opened: Session, proposal: Proposal) -> None:
    with opened.database.write.begin() as connection:
        note(opened, connection, act_of("approve", proposal), reason=Reason.INSUFFICIENT_SCOPE)
