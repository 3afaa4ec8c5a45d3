"""Who may look at the console, and the record of each look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, request
from sqlalchemy import Connection

from gateway.account.browser import browser
from gateway.account.pages import PageError, as_pages, page, sign_in_address, to
from gateway.account.tickets import Purpose as TicketPurpose
from gateway.http import limits
from gateway.http.problems import Problem
from gateway.observability import metrics
from gateway.records import access_of
from gateway.runtime import runtime
from partners.access_log.append import Access, record
from partners.access_log.cases import Case
from partners.people import sessions
from partners.people.accounts import Person
from partners.registry import terms
from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason, Work

P = ParamSpec("P")
LONGEST_ADDRESS = 2_000
HOME = "/console"
CASE_PATH = f"{HOME}/case"
blueprint = as_pages(Blueprint("console", __name__, url_prefix=HOME))


@dataclass(frozen=True)
class Auditor:
    """Somebody of the security team, and the case that they work on."""

    person: Person
    case: Case | None

    def access(self, operation: str) -> Access:
        """The current request as the log describes it: by the person's own id, and for which case."""
        usual, somebody = access_of(operation, Purpose.SECURITY), self.person
        return replace(usual, audience=somebody.kind, partner=somebody.partner, client=somebody.id, case=self.case)

    def look(
        self,
        connection: Connection,
        operation: str,
        *,
        outcome: Outcome = Outcome.RELEASED,
        status: HTTPStatus = HTTPStatus.OK,
        reason: Reason | None = None,
        members: Sequence[int] = (),
    ) -> None:
        """Put a look on record, in the transaction that answers it, with the `members` it was asked about."""
        access = self.access(operation)
        record(connection, access, outcome=outcome, status=status, reason=reason, members=members)

    def look_in_vain(self, operation: str, outcome: Outcome, status: HTTPStatus, reason: Reason | None = None) -> None:
        """Put a look on record that is answered with a refusal alone, in a transaction of its own."""
        with runtime().database.write.begin() as connection:
            self.look(connection, operation, outcome=outcome, status=status, reason=reason)


View = Callable[Concatenate[Auditor, P], Response]


def for_auditors(
    operation: str, *, needs_case: bool = False, work: Work = Work.AUDIT
) -> Callable[[View[P]], Callable[P, Response]]:
    """Let only people of auditors reach a view; others are asked to sign in, or refused, on record.

    `needs_case` asks for a case first where the session has none. `work` is what a request counts as.
    """

    def decorate(view: View[P]) -> Callable[P, Response]:
        @wraps(view)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> Response:
            person = browser().person
            if person is None:
                return to(sign_in_address(ticket_back()))
            auditor = _auditor(person, operation)
            _limit(auditor, operation, work)
            if needs_case and auditor.case is None:
                return ask_case()
            return view(auditor, *args, **kwargs)

        admitted.for_people = True  # type: ignore[attr-defined]
        return admitted

    return decorate


def ask_case() -> Response:
    """Send the browser to where a case is taken up, and from there back here."""
    return to(case_address())


def case_address() -> str:
    """Where a case is taken up, from where it goes back to the current page."""
    ticket = None if request.path == CASE_PATH else ticket_back()
    return f"{CASE_PATH}?then={ticket}" if ticket else CASE_PATH


def ticket_back() -> str | None:
    """A ticket that leads back to the current page; nothing for a form that was sent, and for what is too long."""
    # As it was sent, in ASCII: what a path says, such as a line break, is nothing for a header.
    address = urlsplit(request.url)._replace(scheme="", netloc="").geturl()
    if request.method != "GET" or len(address) > LONGEST_ADDRESS:
        return None
    return browser().seal(TicketPurpose.RETURN, {"address": address})


def console_page(auditor: Auditor, template: str, status: HTTPStatus = HTTPStatus.OK, **told: Any) -> Response:
    """Render a page of the console."""
    usual = {"auditor": auditor, "here": request.path, "now": g.received_at, "case_address": case_address()}
    return page(f"console/{template}", status, **usual, **told)


def _auditor(person: Person, operation: str) -> Auditor:
    with runtime().database.write.begin() as connection:
        auditor = Auditor(person, sessions.case_of(connection, browser().token))
        bar = _bar(connection, person)
        if bar is not None:
            reason, status = Reason.INSUFFICIENT_SCOPE, HTTPStatus.FORBIDDEN
            auditor.look(connection, operation, outcome=Outcome.DENIED, status=status, reason=reason)
    if bar is not None:
        metrics.denied(Reason.INSUFFICIENT_SCOPE)
        raise bar
    return auditor


def _bar(connection: Connection, person: Person) -> PageError | None:
    """What a person is told who may not look at the console; R28 holds for auditors as for their clients."""
    title, text = "This console is for the security team", "Your account is another partner's."
    if person.kind is PartnerKind.AUDITOR:
        if terms.are_accepted(connection, person.partner, runtime().settings.terms.binding(g.received_at)):
            return None
        title, text = "New terms bind", "The console opens again once it is recorded that you accepted them."
    return PageError(HTTPStatus.FORBIDDEN, title, f"{text} That you came here is on record.")


def _limit(auditor: Auditor, operation: str, work: Work) -> None:
    try:
        limits.spend(work, client=auditor.person.id, partner=auditor.person.partner)
    except limits.LimitReachedError:
        auditor.look_in_vain(operation, Outcome.LIMITED, HTTPStatus.TOO_MANY_REQUESTS)
        raise PageError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many requests",
            "You asked more often than the limit allows. Wait a little, then load the page anew.",
            retry_after=limits.retry_after(),
        ) from None


@blueprint.errorhandler(Problem)
def _problem(problem: Problem) -> Response:
    text = " ".join(fault.detail for fault in problem.errors) or problem.detail
    return PageError(problem.status, problem.status.phrase, text).response()
