"""Filling a fresh gateway with the demo: partners, feed and members' requests; a second time, nothing changes."""

import io
from dataclasses import replace

from gateway.cli.ingest import feed_of
from gateway.cli.session import Session
from gateway.demo import credentials as stored
from gateway.demo import people, registration
from gateway.demo.cast import CAST, OWL, WEBMASTERS
from gateway.demo.credentials import Credentials
from gateway.demo.feed import Delivery, feed
from partners.feed.streams import apply_stream
from partners.members import require_member
from partners.references import References
from partners.registry import partners
from partners.rights.requests import Asked, Desk
from partners.rights.steps import Step
from partners.vocabulary import RequestAction, RequestType


class NotADemoError(Exception):
    """The data directory holds a gateway with partners of its own."""


def load(opened: Session, *, url: str, issuer: str) -> Credentials:
    """Make the data directory a demo, or complete one that was left halfway; raise `NotADemoError`."""
    held = replace(_registered(opened, url=url, issuer=issuer), url=url, issuer=issuer)
    if not held.loaded:
        for delivery in feed(held.day):
            _apply(delivery, opened)
        _bring_requests(opened)
    held = replace(held, loaded=True, console=people.sign_in_of(opened, held.console))
    stored.write(opened.settings.data_dir, held)
    return held


def reference_of_the_owl(opened: Session) -> str:
    """What the guide's webmaster calls the guide's member."""
    with opened.database.write.connect() as connection:
        webmaster = partners.get(connection, WEBMASTERS[0].id).number
        owl = require_member(connection, OWL.id, opened.keyring).number
    return References(opened.keyring).ref(webmaster, owl)


def _registered(opened: Session, *, url: str, issuer: str) -> Credentials:
    held = stored.read(opened.settings.data_dir)
    with opened.database.write.begin() as connection:
        if held is not None and registration.is_registered(connection, held):
            registration.wake(connection, held)
            return held
        if registration.anybody_registered(connection):
            raise NotADemoError
        today = opened.settings.now().date()
        made = registration.register(connection, today, url=url, issuer=issuer, now=opened.instant())
        # Before the commit: what is registered but not written down could never be used.
        stored.write(opened.settings.data_dir, made)
    return made


def _apply(delivery: Delivery, opened: Session) -> None:
    """Apply a month's lines as if it were that month: what is earned then stands in its statement."""
    stream = io.BytesIO(delivery.lines)
    report = apply_stream(stream, feed_of(opened), lambda: delivery.until)
    if report.rejected:
        raise RuntimeError(f"the demo's own feed was refused: {report.errors[0].fault.detail}")


def _bring_requests(opened: Session) -> None:
    for role in CAST:
        if role.request is not None:
            with opened.database.write.begin() as connection:
                _ask(Desk(connection, opened.keyring, role.id, opened.journal), role.request, opened)


def _ask(desk: Desk, what: RequestType, opened: Session) -> None:
    entries, _ = desk.read()
    if entries:
        return
    now = opened.settings.now()
    entered = desk.enter(Asked(what, received_at=now, verified=True), now=now)
    if what is RequestType.ERASURE:
        desk.move(entered.request.id, Step(RequestAction.SETTLE), now=now)
