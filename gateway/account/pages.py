"""How pages for people are made: one layout, strict headers, errors as pages, every form checked."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Concatenate, ParamSpec
from urllib.parse import quote

from flask import Blueprint, Response, g, render_template, request
from sqlalchemy import Connection
from structlog import get_logger
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from gateway.account.browser import Browser, browser, set_cookie
from gateway.http.bodies import LARGEST_OF_ANYBODY, whole_body
from gateway.http.problems import DATABASE_TROUBLE, RETRY_AFTER_S, of_http_exception
from gateway.oauth.forms import FORM
from gateway.observability import metrics
from gateway.records import access_of
from gateway.wording import kind_of
from partners.access_log.append import record
from partners.access_log.stored import UnreadableError
from partners.people.accounts import Person
from partners.people.passwords import TooManyPasswordsError
from partners.spool.spool import SpoolError
from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason

P = ParamSpec("P")
PATHS = ("/account/", "/console/")
"""Where people expect pages, whatever is asked for."""
log = get_logger(__name__)
blueprint = Blueprint("account", __name__, template_folder=Path(__file__).parents[1] / "pages")


class PageError(Exception):
    """Something other than the page that was asked for."""

    def __init__(self, status: HTTPStatus, title: str, text: str, *, retry_after: int | None = None) -> None:
        """Take what the person reads; nothing of what was sent belongs in it."""
        super().__init__(title)
        self.status = status
        self.title = title
        self.text = text
        self.retry_after = retry_after

    def response(self) -> Response:
        """The page that says so, for a browser that was read or none: nothing is asked of the database any more."""
        shown = _shown(g.get("browser"), "refused.html", self.status, title=self.title, text=self.text)
        if self.retry_after is not None:
            shown.headers["Retry-After"] = str(self.retry_after)
        return shown


def page(template: str, status: HTTPStatus = HTTPStatus.OK, *, leads_to: str = "", **told: object) -> Response:
    """Render a page; `leads_to` is where its form may send the browser in the end, beside ourselves."""
    return _shown(browser(), template, status, leads_to=leads_to, **told)


def _shown(
    to_whom: Browser | None, template: str, status: HTTPStatus, *, leads_to: str = "", **told: object
) -> Response:
    html = render_template(template, browser=to_whom, **told)
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {leads_to}".rstrip()
    )
    return response


def to(address: str) -> Response:
    """Send the browser on by GET."""
    # No body: it would repeat the address, and with it a code.
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address}, content_type="text/plain")


def form_of_ours() -> None:
    """Refuse a form that this browser was not sent by us, or that tells a thing twice."""
    plain = request.mimetype == FORM and all(len(values) == 1 for _, values in request.form.lists())
    if not plain or not browser().sent_this_form():
        raise PageError(
            HTTPStatus.BAD_REQUEST,
            "This form has expired",
            "Go back, load the page anew and try again. Your browser must accept the cookie of this site.",
        )


def for_people(view: Callable[Concatenate[Person, P], Response]) -> Callable[P, Response]:
    """Let only somebody who is signed in reach a view; anybody else is asked to sign in first."""

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Response:
        person = browser().person
        if person is None:
            return to(sign_in_address(request.args.get("request")))
        return view(person, *args, **kwargs)

    admitted.for_people = True  # type: ignore[attr-defined]
    return admitted


def home() -> str:
    """Where whoever is signed in begins: webmasters with what they allow, auditors in the console."""
    person = browser().person
    return "/console" if person is not None and person.kind is PartnerKind.AUDITOR else "/account"


def sign_in_address(ticket: str | None = None) -> str:
    """Where to sign in, and with which pending request."""
    return "/account/sign-in" + (f"?request={quote(ticket)}" if ticket else "")


def note(
    connection: Connection,
    operation: str,
    person: Person | None,
    outcome: Outcome,
    *,
    status: HTTPStatus = HTTPStatus.SEE_OTHER,
    reason: Reason | None = None,
    client: str | None = None,
) -> None:
    """Put what a person does on record, under their own id where no tool's client is concerned."""
    access = access_of(operation, Purpose.OPERATION)
    if person is not None:
        access = replace(access, audience=person.kind, partner=person.partner, client=client or person.id)
    record(connection, access, outcome=outcome, status=status, reason=reason)


def _limit_body() -> None:
    whole_body(request, LARGEST_OF_ANYBODY, kept=True)


def _close(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    return set_cookie(response)


def _page_error(error: PageError) -> Response:
    return error.response()


def _http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return PageError(status, status.phrase, "The request cannot be answered in this form.").response()


def _unavailable(error: Exception) -> Response:
    log.error("database_error", error=kind_of(error))
    metrics.database_failed()
    return _busy("Nothing was changed. Try again in a moment.")


def _not_on_record_twice(_error: Exception) -> Response:
    return _busy("Nothing was shown. Look whether it was done, and try again in a moment.")


def _too_many_passwords(_error: Exception) -> Response:
    return _busy("Too many people are signing in. Try again in a moment.")


def _busy(text: str) -> Response:
    busy = HTTPStatus.SERVICE_UNAVAILABLE
    # Whoever was signed in a moment ago may not be: what was begun is taken back.
    shown = _shown(None, "refused.html", busy, title=busy.phrase, text=text)
    shown.headers["Retry-After"] = str(RETRY_AFTER_S)
    return shown


def no_page(error: NotFound | MethodNotAllowed) -> Response:
    """Answer for a path that nothing answers, or not by this method: with a page where pages are, else a problem."""
    if not f"{request.path}/".startswith(PATHS):
        return of_http_exception(error)
    if isinstance(error, NotFound):
        title, text = "There is no such page", "Look at the address once more."
    else:
        title, text = "This address is no page", "A form leads to it: go back to the page that has the form."
    refused = PageError(HTTPStatus(error.code), title, text).response()
    refused.headers.extend([(name, value) for name, value in error.get_headers() if name == "Allow"])
    return _close(refused)


def as_pages(of: Blueprint) -> Blueprint:
    """Have everything that a blueprint answers, errors too, be a page that nobody keeps or frames."""
    of.before_request(_limit_body)
    of.after_request(_close)
    of.register_error_handler(PageError, _page_error)
    of.register_error_handler(HTTPException, _http_error)
    for trouble in (*DATABASE_TROUBLE, UnreadableError):
        of.register_error_handler(trouble, _unavailable)
    of.register_error_handler(SpoolError, _not_on_record_twice)
    of.register_error_handler(TooManyPasswordsError, _too_many_passwords)
    return of


as_pages(blueprint)
