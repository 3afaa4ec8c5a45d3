"""Signing in as people do it: invitation, password and code, limits, sessions, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select, update

from partners.people import accounts
from partners.postgres.database import Database
from partners.registry import RegistryError, partners
from partners.tables.access import access_log
from partners.tables.consent import person, person_session
from partners.vocabulary import PartnerKind
from tests.callers import add_caller
from tests.journeys.serving import Server
from tests.journeys.tracking import PASSWORD, Visitor, add_person, fields_of


@pytest.fixture
def frank(stored: Database, server: Server) -> Visitor:
    """Somebody set up and signed in, new for each test."""
    add_caller(stored)
    name = f"frank{datetime.now(UTC).timestamp()}"
    return add_person(stored, server.url, "w1", name)


def elsewhere(visitor: Visitor) -> Visitor:
    """The same person with another browser."""
    return Visitor(visitor.url, name=visitor.name, factor=visitor.factor)


def invite(stored: Database, name: str) -> str:
    add_caller(stored)
    with stored.write.begin() as connection:
        return accounts.add(connection, "w1", name, now=datetime.now(UTC)).token


def test_an_invitation_works_once_and_signs_in(stored: Database, server: Server) -> None:
    token = invite(stored, "grace")
    grace = Visitor(server.url, name="grace")

    assert grace.set_up(token).headers["Location"] == "/account"
    assert grace.get("/account").status_code == 200
    assert Visitor(server.url).get("/account/set-up", invitation=token).status_code == 400


def test_an_invitation_runs_out(stored: Database, server: Server) -> None:
    token = invite(stored, "heidi")
    with stored.write.begin() as connection:
        connection.execute(update(person).values(invited_until=person.c.invited_until - timedelta(hours=73)))

    assert Visitor(server.url).get("/account/set-up", invitation=token).status_code == 400


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"password": "short"}, "passwords differ"),
        ({"password": "short", "password_again": "short"}, "12 to 200 characters"),
        ({"password": "aaaaaaaaaaaaaaaa", "password_again": "aaaaaaaaaaaaaaaa"}, "easily guessed"),
        ({"password": "this is ivan's", "password_again": "this is ivan's"}, "easily guessed"),
        ({"code": "000000"}, "not the code"),
        ({"code": "٣٣٣٣٣٣"}, "not the code"),
        ({"ticket": "x"}, "took too long"),
    ],
)
def test_what_is_wrong_with_a_choice_is_said_and_the_invitation_stays(
    stored: Database, server: Server, chosen: dict[str, str], said: str
) -> None:
    name = f"ivan{datetime.now(UTC).timestamp()}" if "ivan" not in str(chosen) else "ivan"
    token = invite(stored, name)
    visitor = Visitor(server.url)
    shown = visitor.get("/account/set-up", invitation=token)
    fine = {"password": PASSWORD, "password_again": PASSWORD, "code": "123456"}

    answer = visitor.post("/account/set-up", fields_of(shown) | fine | chosen)

    assert answer.status_code == 400
    assert said in answer.text.replace("\n", " ")
    assert 'role="alert"' in answer.text
    assert Visitor(server.url).set_up(token).status_code == 303


def test_name_password_and_code_are_all_needed_and_the_answer_is_the_same(frank: Visitor, server: Server) -> None:
    other = elsewhere(frank)
    answers = [
        other.sign_in(password="another password"),
        other.sign_in(code="000000"),
        other.sign_in(password="", code=""),
        Visitor(server.url, name="nobody", factor=frank.factor).sign_in(),
    ]

    assert {answer.status_code for answer in answers} == {401}
    said = {answer.text.partition('role="alert"')[2].partition("</p>")[0] for answer in answers}
    assert len(said) == 1
    assert other.sign_in().headers["Location"] == "/account"


def test_a_code_works_once(frank: Visitor) -> None:
    code = pyotp.TOTP(frank.factor).at(int(datetime.now(UTC).timestamp()) + 30)

    assert elsewhere(frank).sign_in(code=code).status_code == 303
    assert elsewhere(frank).sign_in(code=code).status_code == 401


def test_a_password_that_a_stranger_knows_is_void_after_twenty_wrong_codes(frank: Visitor, stored: Database) -> None:
    stranger = elsewhere(frank)
    form = fields_of(stranger.get("/account/sign-in")) | {"name": frank.name, "password": PASSWORD, "code": "000000"}
    for _ in range(20):
        assert stranger.post("/account/sign-in", form).status_code == 401

    assert elsewhere(frank).sign_in().status_code == 401
    assert frank.get("/account").headers["Location"] == "/account/sign-in"
    with stored.write.connect() as connection:
        stored_hash = select(person.c.password_hash).where(person.c.name == frank.name)
        assert connection.execute(stored_hash).scalar() is None


def test_wrong_passwords_void_nothing(frank: Visitor) -> None:
    """Whoever knows the name alone cannot lock its owner out."""
    stranger = elsewhere(frank)
    form = fields_of(stranger.get("/account/sign-in")) | {"name": frank.name, "password": "guess", "code": "000000"}
    for _ in range(25):
        stranger.post("/account/sign-in", form)

    assert elsewhere(frank).sign_in().status_code == 303


def test_signing_in_changes_the_cookie_and_signing_out_ends_the_session(frank: Visitor) -> None:
    visitor = elsewhere(frank)
    visitor.get("/account/sign-in")
    before = visitor.http.cookies["gateway"]
    visitor.sign_in()
    signed_in = visitor.http.cookies["gateway"]
    assert signed_in != before

    out = visitor.post("/account/sign-out", fields_of_header(visitor))

    assert out.headers["Location"] == "/account/sign-in?signed_out=1"
    visitor.http.cookies.set("gateway", signed_in, domain="127.0.0.1", path="/")
    assert visitor.get("/account").status_code == 303


def fields_of_header(visitor: Visitor) -> dict[str, str]:
    page = visitor.get("/account").text
    return {"form_token": page.partition('name="form_token" value="')[2].partition('"')[0]}


def test_the_cookie_is_out_of_reach_and_kept_as_a_digest(frank: Visitor, stored: Database) -> None:
    answer = Visitor(frank.url).get("/account/sign-in")
    with stored.write.connect() as connection:
        digests = connection.execute(select(person_session.c.digest)).scalars().all()

    assert answer.headers["Set-Cookie"].partition(";")[2] == " HttpOnly; Path=/; SameSite=Lax"
    assert frank.http.cookies["gateway"].encode() not in digests


@pytest.mark.parametrize("what", ["idle", "old"])
def test_a_session_runs_out(frank: Visitor, stored: Database, what: str) -> None:
    aged = (
        {"seen_at": person_session.c.seen_at - timedelta(minutes=31)}
        if what == "idle"
        else {"expires_at": person_session.c.expires_at - timedelta(hours=9)}
    )
    assert frank.get("/account").status_code == 200
    own = person_session.c.person == select(person.c.number).where(person.c.name == frank.name).scalar_subquery()
    with stored.write.begin() as connection:
        connection.execute(update(person_session).where(own).values(aged))

    assert frank.get("/account").status_code == 303


@pytest.mark.parametrize("how", ["person", "partner", "terms", "invitation"])
def test_who_is_kept_out_is_out_at_once(frank: Visitor, server: Server, stored: Database, how: str) -> None:
    if how in {"partner", "terms"}:
        add_caller(stored, partner=f"w-{how}-gone")
        visitor = add_person(stored, server.url, f"w-{how}-gone", f"judy-{how}")
    else:
        visitor = frank
    with stored.write.begin() as connection:
        if how == "person":
            accounts.suspend(connection, visitor.name)
        elif how == "partner":
            partners.suspend(connection, "w-partner-gone")
        elif how == "terms":
            webmaster = partners.get(connection, "w-terms-gone")
            partners.change(connection, replace(webmaster, terms_accepted_at=None))
        else:
            accounts.invite(connection, visitor.name, now=datetime.now(UTC))

    assert visitor.get("/account").status_code == 303
    assert elsewhere(visitor).sign_in().status_code == 401


def test_forms_from_elsewhere_are_refused(frank: Visitor) -> None:
    for path in ("/account/sign-in", "/account/sign-out", "/account/withdraw", "/account/set-up", "/oauth/consent"):
        for form in ({}, {"form_token": "0" * 64}):
            assert frank.post(path, form).status_code == 400, path


def test_every_page_is_strict_about_what_it_loads(frank: Visitor, server: Server) -> None:
    for answer in (
        frank.get("/account"),
        Visitor(server.url).get("/account/sign-in"),
        Visitor(server.url).get("/account/set-up"),
        Visitor(server.url).get("/oauth/authorize"),
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_nothing_secret_is_logged(stored: Database, server: Server, log_directory: Path) -> None:
    token = invite(stored, "peggy")
    peggy = Visitor(server.url, name="peggy")
    peggy.set_up(token)
    elsewhere(peggy).sign_in()

    written = (log_directory / "serve.log").read_text()

    assert "/account/set-up" in written
    for secret in (token, PASSWORD, peggy.factor, peggy.http.cookies["gateway"], "peggy"):
        assert secret not in written


def test_only_webmasters_and_auditors_have_people(stored: Database) -> None:
    add_caller(stored, PartnerKind.PLATFORM)
    with stored.write.begin() as connection, pytest.raises(RegistryError, match="do not sign in"):
        accounts.add(connection, "platform", "mallory", now=datetime.now(UTC))


def test_an_auditor_signs_in_but_allows_no_tool(stored: Database, server: Server) -> None:
    from tests.journeys.tracking import add_tool  # noqa: PLC0415

    add_caller(stored, PartnerKind.AUDITOR)
    auditor = add_person(stored, server.url, "auditor", "olivia")
    tool = add_tool(stored, server.url)

    assert auditor.follow(auditor.get("/oauth/authorize", **tool.asks())).status_code == 403


def test_signing_in_and_out_and_failing_to_is_on_record_with_the_person(frank: Visitor, stored: Database) -> None:
    elsewhere(frank).sign_in(password="another password")
    signed_in = elsewhere(frank)
    signed_in.sign_in()
    signed_in.post("/account/sign-out", fields_of_header(signed_in))

    with stored.write.connect() as connection:
        identifier = connection.execute(select(person.c.id).where(person.c.name == frank.name)).scalar_one()
        columns = access_log.c["operation", "outcome", "partner", "reason"]
        asked = select(*columns).where(access_log.c.client == identifier).order_by(access_log.c.at)
        rows = [tuple(row) for row in connection.execute(asked)]

    assert rows == [
        ("oauth.set_up", "released", "w1", None),
        ("oauth.sign_in", "denied", "w1", "invalid_token"),
        ("oauth.sign_in", "released", "w1", None),
        ("oauth.sign_out", "released", "w1", None),
    ]
