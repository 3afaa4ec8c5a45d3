"""Who may look, for which case, and that every look is in the log it looks at."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from unittest.mock import Mock

import psycopg
import pytest
from sqlalchemy import select

from gateway.application import create_app
from gateway.background import notices
from gateway.console import entries, members
from partners.access_log.append import record
from partners.access_log.checkpoints import signer_of
from partners.access_log.disclosures import ENTERED_BY_HAND, Outside, enter
from partners.access_log.proofs import check_proof
from partners.access_log.search import member_number
from partners.access_log.trust import Trust
from partners.keyring import Keyring
from partners.registry.acts import Act, access_by_operator, note
from partners.registry.terms import Terms
from partners.tables.access import access_log
from partners.vocabulary import Outcome, Purpose, RecipientKind, Work
from tests.conftest import SECRET
from tests.factories import add_member
from tests.gateway.console.conftest import CASE, House

ENTRY = re.compile(r"/console/entries/(acc_[0-9a-f]{32})")
TICKET = re.compile(r'name="then" value="([^"]*)"')
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]*)"')


@pytest.fixture
def entry(house: House) -> str:
    """The id of the entry of an opened card."""
    return entry_of(house, "operation:card.get")


def entry_of(house: House, query: str) -> str:
    found = ENTRY.search(house.look(f"/console/search?q={query}"))
    assert found is not None
    return found[1]


def table_row(page: str, name: str) -> str:
    """The text of a row whose heading begins with a name."""
    row = page.partition(f'<th scope="row"><code>{name}</code>')[2].partition("</tr>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split())


def test_an_entry_shows_each_field_with_its_reason_and_clause(house: House, entry: str) -> None:
    page = house.look(f"/console/entries/{entry}")

    assert "model_center for mdl-2 opened a card</h1>" in page
    mask = table_row(page, "mask")
    assert "withheld the member keeps it private visibility_private" in mask
    assert mask.endswith("R12, R16, R17, R18")
    assert table_row(page, "profile.turn_ons").startswith("sensitive ")
    assert "given not withheld" in table_row(page, "username")
    assert '"id": "' + entry in unescape(page)
    assert "/console/members?member=m1" in page
    assert "gold" not in page
    assert "night_owl" not in page
    looked = house.newest("audit.get")
    assert (looked.client, looked.audience, looked.outcome) == (house.person.id, "auditor", "released")
    assert (looked.case_number, looked.case_purpose, looked.member_count) == (CASE.number, CASE.purpose, 1)
    assert entry_of(house, "operation:audit.get member:m1")


def test_an_opened_entry_names_those_whom_its_page_shows(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(house, "operation:members.list outcome:partial")
    house.look(f"/console/entries/{entry}")
    assert house.newest("audit.get").member_count == 2

    monkeypatch.setattr(entries, "MEMBERS", 1)
    house.look(f"/console/entries/{entry}")
    assert house.newest("audit.get").member_count == 1


def test_the_proof_of_an_entry_can_be_checked_without_us(house: House, entry: str) -> None:
    answer = house.browser(case=CASE).get(f"/console/entries/{entry}/proof")
    origin = house.app.extensions["runtime"].settings.log_origin

    trust = Trust([signer_of(Keyring(SECRET), origin, 1).verifier])
    _, _, leaf = check_proof(answer.get_data(as_text=True), trust, None)

    assert answer.headers["Content-Disposition"] == f'attachment; filename="{entry}.tlog-proof"'
    assert house.browser(case=CASE).get(f"/console/entries/{entry}/leaf").data == leaf
    assert house.newest("audit.proof").case_number == CASE.number


def test_a_database_that_fails_while_an_entry_is_compared_is_a_page_that_says_so(
    house: House, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.RawCursor, "stream", Mock(side_effect=psycopg.OperationalError))

    answer = house.browser(case=CASE).get(f"/console/entries/{entry}")

    assert (answer.status_code, answer.content_type) == (503, "text/html; charset=utf-8")


def test_what_is_not_sealed_yet_has_no_proof(house: House) -> None:
    house.w1.get("/campaigns")
    entry = entry_of(house, "operation:campaigns.list")

    assert "Not sealed yet" in house.look(f"/console/entries/{entry}")
    assert house.browser(case=CASE).get(f"/console/entries/{entry}/proof").status_code == 409
    house.log.seal()
    assert "Download the proof" in house.look(f"/console/entries/{entry}")


def test_what_is_not_as_it_was_sealed_has_no_tick(house: House) -> None:
    house.w1.get("/campaigns")
    entry = entry_of(house, "operation:campaigns.list")
    house.log.seal()
    page = f"/console/entries/{entry}"
    assert "Sealed as entry" in house.look(page)

    house.log.sql("UPDATE access_log SET partner = 'w2', status = 404 WHERE operation = 'campaigns.list'")
    told = house.look(page)
    assert "not as it was sealed: partner, status. Run" in told
    assert "Sealed as entry" not in told
    house.log.sql("UPDATE access_log SET leaf = leaf || ' '::bytea WHERE operation = 'campaigns.list'")
    told = house.look(page)
    assert "The log gives no proof for this entry any more." in told
    assert "Download the proof" not in told
    assert "any more" in house.browser(case=CASE).get(f"{page}/proof").get_data(as_text=True)


def test_an_entry_that_there_is_not_is_a_look_too(house: House) -> None:
    answer = house.browser(case=CASE).get("/console/entries/acc_no")

    assert answer.status_code == 404
    assert house.newest("audit.get").outcome == "not_found"


def test_an_address_that_there_is_not_is_a_page_where_people_look(house: House) -> None:
    answers = [house.browser().get(f"/{path}") for path in ("console/entrys", "account/x/y", "v1/console")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert [answer.mimetype for answer in answers] == ["text/html", "text/html", "application/problem+json"]
    assert "There is no such page" in answers[0].text
    assert answers[0].headers["X-Frame-Options"] == "DENY"


def test_who_saw_a_member_is_told_by_recipient_and_access(house: House) -> None:
    page = house.look("/console/members?member=m1")

    recipients = page.partition('id="recipients"')[2].partition("</table>")[0]
    assert re.findall(r'<th scope="row">\s*(\w+)', recipients)[:2] == ["Model_Center", "W1"]
    assert "the member keeps it private" in recipients
    assert "night_owl" not in page
    assert house.newest("audit.member").member_count == 1
    assert "auditor" in house.look("/console/members?member=m1").partition('id="recipients"')[2]


def test_who_saw_a_member_goes_on_page_by_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = house.look("/console/members?member=m1").partition('id="accesses"')[2]
    monkeypatch.setattr(members, "ROWS", 1)
    address, seen = "/console/members?member=m1", list[str]()
    while address:
        page = house.look(address)
        seen += ENTRY.findall(page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        address = unescape(following[1]) if following and len(seen) < 50 else ""

    # The looks themselves are the newest.
    assert seen[1:] == ENTRY.findall(whole)


def test_what_was_disclosed_outside_is_told_with_its_recipient(house: House) -> None:
    """R27."""
    with house.db.write.begin() as connection:
        number, now = member_number(connection, "m1"), datetime.now(UTC)
        assert number is not None
        told = Outside(now, number, RecipientKind.AUTHORITY, "The Commission", Purpose.OPERATION, ("country",))
        enter(connection, told, now=now)
        by_hand = replace(access_by_operator(now, ENTERED_BY_HAND, operator="root"), purpose=Purpose.MEMBERS_RIGHTS)
        record(connection, by_hand, outcome=Outcome.RELEASED, status=201, members=[number])

    page = house.look("/console/members?member=m1")

    outside = page.partition('id="outside"')[2].partition("</table>")[0]
    assert "The Commission" in outside
    assert "<code>country</code>" in outside
    assert "Nobody known" not in page.partition('id="recipients"')[2].partition("</table>")[0]
    assert "The Commission" not in house.look("/console/members?member=m2")


def test_an_operator_s_act_names_who_did_it_and_to_whom(house: House) -> None:
    with house.db.write.begin() as connection:
        note(connection, Act("oauth.partners.limit", partner="w1"), operator="root", now=datetime.now(UTC))

    page = house.look(f"/console/entries/{entry_of(house, 'operation:oauth.partners.limit')}")

    assert "<h1>operator:root on w1 " in page
    assert "(None)" not in page


def test_a_partner_s_silence_is_told_by_what_it_led_to(house: House) -> None:
    """R65: notices go on; its limits are lowered, and then it is suspended."""
    told = {"webhooks.throttle": "had its limits cut to a tenth for", "webhooks.suspend": "was suspended for"}
    for operation, words in told.items():
        with house.db.write.begin() as connection:
            notices.note(connection, operation, partner_id="w1", at=datetime.now(UTC), outcome=Outcome.LIMITED)

        page = house.look(f"/console/entries/{entry_of(house, f'operation:{operation}')}")

        assert f"<h1>w1 {words} answering no notices</h1>" in page


def test_nobody_of_that_id_is_no_error_of_ours(house: House) -> None:
    answer = house.browser(case=CASE).get("/console/members?member=m-none")

    assert answer.status_code == 404
    assert "knows no member of this id" in answer.get_data(as_text=True)
    assert house.newest("audit.member").outcome == "not_found"


@pytest.mark.parametrize(
    "address",
    [
        "/console/members",
        "/console/search?q=member:m1",
        "/console/entries/acc_1",
        "/console/entries/x%0D%0ASet-Cookie:%20a=b",
    ],
)
def test_a_look_at_somebody_needs_a_case_and_then_goes_on(house: House, address: str) -> None:
    browser = house.browser()
    asked = browser.get(address)
    assert asked.status_code == 303
    form = browser.get(asked.headers["Location"]).get_data(as_text=True)
    hidden = {"form_token": FORM_TOKEN.search(form)[1], "then": TICKET.search(form)[1]}  # type: ignore[index]

    refused = browser.post("/console/case", data=hidden | {"number": "about Jane Doe", "purpose": "incident"})
    taken = browser.post("/console/case", data=hidden | {"number": "SEC-2", "purpose": "incident"})

    assert refused.status_code == 400
    assert 'role="alert"' in refused.get_data(as_text=True)
    assert (taken.status_code, taken.headers["Location"]) == (303, address)
    assert house.newest("audit.case").case_number == "SEC-2"
    assert browser.get(address).status_code in {200, 404}
    assert "SEC-2" in browser.get("/console/search").get_data(as_text=True)


@pytest.mark.parametrize("number", ["m-77", "Barn_Owl7", "BARN_OWL7"])
def test_a_case_is_not_called_as_a_member_is(house: House, number: str) -> None:
    """R45: what is sealed is never lost again. That there is such a member is told on record."""
    with house.db.write.begin() as connection:
        if member_number(connection, "m-77") is None:
            add_member(connection, "m-77", username="Barn_Owl7")
    browser = house.browser()
    hidden = {"form_token": FORM_TOKEN.search(browser.get("/console/case").get_data(as_text=True))[1]}  # type: ignore[index]

    refused = browser.post("/console/case", data=hidden | {"number": number, "purpose": "incident"})
    told = house.auditor | {"Case-Number": number, "Case-Purpose": "incident"}
    answers = [
        house.app.test_client().get(f"/v1/audit/{path}", headers=told) for path in ("accesses", "stream?after=-1")
    ]

    assert (refused.status_code, house.newest("audit.case").outcome) == (400, "denied")
    assert "write one of your own records" in refused.get_data(as_text=True)
    assert browser.get("/console/members").status_code == 303
    for answer, operation in zip(answers, ("audit.search", "audit.stream"), strict=True):
        (fault,) = answer.get_json()["errors"]
        assert (answer.status_code, fault["code"], fault["parameter"]) == (422, "invalid_case", "Case-Number")
        assert "write one of your own records" in fault["detail"]
        assert house.newest(operation).outcome == "denied"
    assert house.log.sql("SELECT 1 FROM access_log WHERE case_number = :number", number=number) == []


def test_a_case_that_an_export_needs_leads_back_to_the_search(house: House) -> None:
    browser, address = house.browser(), "/console/search?q=partner:w1"
    page = browser.get(address).get_data(as_text=True)
    links = re.findall(r'<a(?: class="none")? href="(/console/case[^"]*)">', page)
    form = browser.get(links[-1]).get_data(as_text=True)
    hidden = {"form_token": FORM_TOKEN.search(form)[1], "then": TICKET.search(form)[1]}  # type: ignore[index]

    taken = browser.post("/console/case", data=hidden | {"number": "SEC-2", "purpose": "incident"})

    assert len(set(links)) == 1
    assert taken.headers["Location"] == address
    assert 'href="/console/case">' in browser.get("/console/case").get_data(as_text=True)


def test_a_case_is_not_taken_up_by_another_site(house: House) -> None:
    browser = house.browser()

    assert browser.post("/console/case", data={"number": "SEC-2", "purpose": "incident"}).status_code == 400
    assert browser.get("/console/members").status_code == 303


@pytest.mark.parametrize("address", ["/console", "/console/search", "/console/members", "/console/case"])
def test_people_of_others_are_refused_on_record(house: House, address: str) -> None:
    other = house.invite("w1", f"w{abs(hash(address))}")
    answer = house.browser(other).get(address)

    assert answer.status_code == 403
    assert "for the security team" in answer.get_data(as_text=True)
    found = house.app.test_client().get("/v1/audit/accesses?outcome=denied&limit=1", headers=house.auditor)
    (entry,) = found.get_json()["data"]
    assert (entry["client"], entry["partner"], entry["reason"]) == (other.id, "w1", "insufficient_scope")


def test_nobody_looks_who_has_not_accepted_the_terms_that_bind(house: House) -> None:
    """R28: an auditor's client would get no token either."""
    runtime = house.app.extensions["runtime"]
    later = create_app(replace(runtime.settings, terms=Terms("2")), house.url)
    http = later.test_client()
    http.set_cookie("gateway", house.token())
    answer = http.get("/console/search")
    later.extensions["runtime"].database.dispose()

    assert (answer.status_code, "New terms bind" in answer.get_data(as_text=True)) == (403, True)
    assert house.newest("audit.search").outcome == "denied"


def test_people_look_and_export_as_often_as_the_limits_allow_and_one_too_many_is_on_record(house: House) -> None:
    settings = house.app.extensions["runtime"].settings
    limits = settings.limits | {Work.AUDIT: "2/minute", Work.EXPORTS: "1/minute"}
    tight = create_app(replace(settings, limits=limits), house.url)
    http, other = tight.test_client(), tight.test_client()
    http.set_cookie("gateway", house.token(case=CASE))
    other.set_cookie("gateway", house.token(house.invite("auditor", "otto")))

    answers = [http.get("/console/search?q=partner:w1") for _ in range(3)]
    exports = [http.post("/console/export", data={"format": "csv"}).status_code for _ in range(2)]
    of_another = other.get("/console/search?q=partner:w1").status_code
    tight.extensions["runtime"].database.dispose()

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "asked more often than the limit allows" in answers[-1].get_data(as_text=True)
    assert (exports, of_another) == ([400, 429], 200)
    with house.db.write.connect() as connection:
        limited = select(access_log.c.operation).where(
            access_log.c.outcome == Outcome.LIMITED, access_log.c.client == house.person.id
        )
        assert set(connection.execute(limited).scalars()) == {"audit.search", "audit.export"}


def test_whoever_is_not_signed_in_comes_back_after_signing_in(house: House) -> None:
    browser = house.app.test_client()
    sent = browser.get("/console/search?q=partner:w1")

    assert sent.headers["Location"].startswith("/account/sign-in?request=")
    assert "A tool asks" not in browser.get(sent.headers["Location"]).get_data(as_text=True)


def test_auditors_begin_in_the_console_and_others_with_what_they_allow(house: House) -> None:
    assert house.browser().get("/account").headers["Location"] == "/console"
    assert house.browser().get("/account/sign-in").headers["Location"] == "/console"
    assert house.browser(house.invite("w1", "wanda")).get("/account").status_code == 200


def test_pages_run_nothing_load_nothing_and_are_kept_by_nobody(house: House, entry: str) -> None:
    for address in ("/console/search", f"/console/entries/{entry}", "/console/members?member=m1", "/console/case"):
        answer = house.browser(case=CASE).get(address)
        page = answer.get_data(as_text=True)

        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'; style-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://(?!127)", page), address
        assert page.count("<h1") == 1
        assert page.count("<main") == 1
        for field in re.findall(r"<input(?![^>]*type=\"(?:hidden|radio)\")[^>]*\bid=\"(\w+)\"", page):
            assert f'for="{field}"' in page


ODD = ("", "\0", "é", "%", "'; --", "9" * 300, "x" * 1_500, "[]", "a:b", "2026-02-30")
PARAMETERS = {
    "/console": ("days",),
    "/console/search": ("q", "after"),
    "/console/members": ("member", "after"),
    "/console/partners": ("partner", "days"),
    "/console/policies": ("version", "before"),
    "/console/case": ("then",),
    "/console/entries/acc_1": ("after",),
}


@pytest.mark.parametrize("address", PARAMETERS)
def test_odd_parameters_get_a_page_and_no_5xx(house: House, address: str) -> None:
    browser = house.browser(case=CASE)
    for odd in ODD:
        for parameter in PARAMETERS[address]:
            answer = browser.get(address, query_string={"member": "m1", parameter: odd})

            assert answer.status_code < 500, (parameter, odd)
            assert answer.content_type.startswith("text/html")
