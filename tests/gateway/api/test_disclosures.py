"""A member's list of disclosures: exactly what clients really received, by public names, and nothing else."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text

from gateway.http import streaming
from partners.access_log.disclosures import Outside, enter
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.access import access_log, access_subject, policy_version
from partners.vocabulary import MaskVisibility, PartnerKind, ProfileItem, RecipientKind, Visibility
from serializers.policies import DOCUMENT, VERSION
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW
from tests.gateway.api.stage import MODELS, Stage, received

SETTINGS: list[tuple[str, list[Any]]] = [
    ("affiliate_sharing", [True, True, False]),
    ("username_harmless", [True, False]),
    ("share_regular_payer", [True, False]),
    ("loyalty_participation", [True, False]),
    ("mask_visibility", list(MaskVisibility)),
    ("profile_visibility", list(Visibility)),
    ("restricted", [False, False, False, True]),
]


@pytest.fixture
def stage(http: FlaskClient, db: Database, keyring: Keyring) -> Stage:
    return Stage(http, db, keyring)


class Witness:
    """Acts as partners at random, and notes independently of the log what each of them got about whom."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage, self.chance = stage, chance
        self.members = {f"m{place}": stage.member(f"m{place}", ("w1", "w2")[place % 2]) for place in range(4)}
        self.seen: dict[str, list[dict[str, Any]]] = {name: [] for name in self.members}

    def act(self) -> None:
        self._change_somebody()
        self.chance.choice(
            [self._pull_members, self._stream_members, self._pull_one, self._get_card, self._list_cards]
        )()

    def _change_somebody(self) -> None:
        number = self.chance.choice(list(self.members.values()))
        self.stage.change(number, **{name: self.chance.choice(values) for name, values in SETTINGS})
        item = self.chance.choice(list(ProfileItem))
        self.stage.change_profile(number, **{f"{item}_visibility": self.chance.choice(list(Visibility))})

    def _pull_members(self) -> None:
        owner = self._webmaster()
        self._note("members.list", owner, None, self._rows(owner))

    def _stream_members(self) -> None:
        owner = self._webmaster()
        webmaster = self.stage.webmasters[owner]
        headers = webmaster.headers | {"Accept": "text/csv"}
        # What a CSV line says is compared elsewhere; here it counts whom the lines are about.
        lines = webmaster.http.get("/v1/webmaster/members", headers=headers).data.count(b"\r\n") - 1
        rows = self._now_visible(owner)
        assert lines == len(rows)
        self._note("members.list", owner, None, rows)

    def _pull_one(self) -> None:
        owner = self._webmaster()
        rows = self._rows(owner)
        self._note("members.list", owner, None, rows)
        for row in rows[:1]:
            answer = self.stage.webmasters[owner].get(f"/members/{row['ref']}")
            self._note("members.get", owner, None, [answer.get_json()["data"]])

    def _get_card(self) -> None:
        her, whose = self.chance.choice(MODELS), self.chance.choice(list(self.members))
        scope = self.chance.choice([None, "cards:read cards.sensitive:read"])
        answer = self.stage.center.get(f"/members/user_{whose}", of=her, scope=scope)
        if answer.status_code == 200:
            self._note("card.get", "model_center", her, [answer.get_json()["data"]])

    def _list_cards(self) -> None:
        her = self.chance.choice(MODELS)
        cards = self.stage.center.get("/members?relation=any", of=her).get_json()["data"]
        self._note("card.list", "model_center", her, cards)

    def _webmaster(self) -> str:
        return self.chance.choice(list(self.stage.webmasters))

    def _rows(self, owner: str) -> list[dict[str, Any]]:
        return self.stage.webmasters[owner].rows()

    def _now_visible(self, owner: str) -> list[dict[str, Any]]:
        """Read without a release, so that nothing but the stream is disclosed."""
        mine = [name for name in self.members if self._is_referred(name, owner)]
        return [row for row in (self.stage.preview(name, "webmaster") for name in mine) if row is not None]

    def _is_referred(self, name: str, owner: str) -> bool:
        return owner == ("w1", "w2")[int(name[1:]) % 2]

    def _note(self, operation: str, partner: str, model: str | None, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.seen[self._whose(row)].insert(
                0,
                {
                    "partner": partner.title(),
                    "model": f"Public {model}" if model else None,
                    "purpose": "personal_service" if model else "campaigns",
                    "operation": operation,
                    "fields": received(row),
                },
            )

    def _whose(self, row: dict[str, Any]) -> str:
        """A harmful username is null in a row: the ref tells too."""
        from partners.references import References  # noqa: PLC0415

        if "ref" in row:
            reference = References(self.stage.keyring).read(row["ref"])
            assert reference is not None
            return next(name for name, number in self.members.items() if number == reference.member)
        return str(row["username"].removeprefix("user_"))


@pytest.mark.parametrize("seed", range(3))
def test_the_list_is_what_clients_really_received(stage: Stage, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """R46: every disclosure, and none that was not."""
    monkeypatch.setattr(streaming, "CHUNK_ROWS", 1)
    witness = Witness(stage, random.Random(seed))  # noqa: S311 - chosen moves, not secrets
    for _ in range(25):
        witness.act()

    for name, number in witness.members.items():
        stage.change(number, restricted=False)
        told = stage.disclosures(name, limit=200)

        assert [{key: value for key, value in entry.items() if key != "at"} for entry in told] == witness.seen[name]
        assert [entry["at"] for entry in told] == sorted((entry["at"] for entry in told), reverse=True)
    assert any("username" not in entry["fields"] for entries in witness.seen.values() for entry in entries)
    assert any(entry["model"] for entries in witness.seen.values() for entry in entries)


def test_a_page_at_a_time_newest_first(stage: Stage) -> None:
    stage.member("m1")
    before = datetime.now(UTC)
    for _ in range(5):
        stage.webmasters["w1"].get("/members")

    seen, cursor = [], {}
    while cursor != {"cursor": None}:
        page = stage.get("m1/disclosures", limit=2, **cursor).get_json()
        seen += page["data"]
        cursor = {"cursor": page["page"]["next_cursor"]}
        assert page["page"]["has_more"] is (cursor != {"cursor": None})

    assert seen == stage.disclosures("m1")
    instants = [datetime.fromisoformat(entry["at"]) for entry in seen]
    assert instants == sorted(instants, reverse=True)
    assert before <= instants[-1] <= instants[0] <= datetime.now(UTC)
    assert len(seen) == 5


def test_what_was_disclosed_at_one_instant_is_told_once_each_a_page_at_a_time(stage: Stage) -> None:
    """R27, R46: whoever enters disclosures by hand may know their day alone."""
    number = stage.member("m1")
    recipients = ["A court", "A notary", "An auditor"]
    with stage.db.write.begin() as connection:
        for name in recipients:
            enter(connection, Outside(NOW, number, RecipientKind.AUTHORITY, name, "operation", ("username",)), now=NOW)

    seen, cursor = [], {}
    while cursor != {"cursor": None}:
        page = stage.get("m1/disclosures", limit=1, **cursor).get_json()
        seen += [entry["partner"] for entry in page["data"]]
        cursor = {"cursor": page["page"]["next_cursor"]}
    assert sorted(seen) == recipients


def test_no_id_of_a_model_or_partner_is_told(stage: Stage) -> None:
    """R64."""
    stage.member("m1")
    stage.center.card("user_m1", of="mdl-2")

    answer = stage.get("m1/disclosures")

    assert answer.get_json()["data"][0]["model"] == "Public mdl-2"
    assert answer.get_json()["data"][0]["partner"] == "Model_Center"
    for internal in (b'"mdl-2"', b'"model_center"', stage.center.caller.id.encode()):
        assert internal not in answer.data


def test_what_is_not_a_partner_s_is_no_disclosure(stage: Stage, http: FlaskClient, db: Database) -> None:
    """The platform's own reads, previews, auditors, denials and 404s."""
    number = stage.member("m1")
    auditor = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
    privacy = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))
    http.get("/v1/platform/members/m1/privacy", headers=privacy)
    http.get("/v1/audit/accesses?member=m1", headers=auditor)
    stage.preview("m1", "webmaster")
    stage.preview("m1", "model:mdl-1")
    stage.change(number, affiliate_sharing=False)
    stage.webmasters["w1"].get("/members")
    stage.webmasters["w2"].get("/members")

    assert stage.disclosures("m1") == []
    assert stage.disclosures("m1") == []


def test_a_released_field_counts_even_where_it_is_empty(stage: Stage) -> None:
    stage.webmasters["w1"].member(stage.db, "m1")
    stage.webmasters["w1"].get("/members")

    assert "device" in stage.disclosures("m1")[0]["fields"]


def test_fields_are_told_by_the_policy_of_that_day(stage: Stage) -> None:
    """R31: what a later version would call the verdict does not matter."""
    stage.member("m1")
    stage.webmasters["w1"].get("/members")
    of_that_day = DOCUMENT["webmaster"]
    only_site = of_that_day | {"fields": {"site": of_that_day["fields"]["site"]}}
    with stage.db.write.begin() as connection:
        connection.execute(text("SET LOCAL ROLE NONE"))
        connection.execute(insert(policy_version).values(version="older", document=DOCUMENT | {"webmaster": only_site}))
        connection.execute(access_log.update().values(policy_version="older"))

    assert stage.disclosures("m1")[0]["fields"] == ["site"]
    assert VERSION != "older"


def test_a_look_at_the_list_is_on_record_and_about_the_member(stage: Stage) -> None:
    number = stage.member("m1")
    stage.disclosures("m1")
    stage.webmasters["w1"].get("/members")
    stage.disclosures("m1")

    with stage.db.write.connect() as connection:
        looks = access_log.c.operation == "disclosures.read"
        records = connection.execute(select(access_log).where(looks).order_by(access_log.c.at)).all()
        about = [
            connection.execute(select(access_subject.c.member).where(access_subject.c.access == row.id)).scalar_one()
            for row in records
        ]
    assert [(row.outcome, row.status, row.purpose, row.audience) for row in records] == [
        ("empty", 200, "members_rights", "platform"),
        ("released", 200, "members_rights", "platform"),
    ]
    assert about == [number, number]


@pytest.mark.parametrize("path", ["disclosures", "preview?as=webmaster"])
def test_unknown_and_erased_members_are_404_with_the_true_reason_on_record(stage: Stage, path: str) -> None:
    stage.change(stage.member("m1"), erased=True)

    answers = [stage.get(f"{name}/{path}") for name in ("nobody", "m1", "a%00b")]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.content_type for answer in answers} == {"application/problem+json"}
    with stage.db.write.connect() as connection:
        found = select(access_log.c.reason, access_log.c.outcome).order_by(access_log.c.at)
        rows = connection.execute(found.where(access_log.c.purpose == "members_rights")).all()
    assert [tuple(row) for row in rows] == [(reason, "not_found") for reason in ("unknown", "erased", "unknown")]


def test_a_cursor_is_of_one_member_s_list(stage: Stage) -> None:
    for name in ("m1", "m2"):
        stage.member(name)
    for _ in range(2):
        stage.webmasters["w1"].get("/members")
    cursor = stage.get("m1/disclosures", limit=1).get_json()["page"]["next_cursor"]

    assert stage.get("m1/disclosures", limit=1, cursor=cursor).status_code == 200
    assert stage.get("m2/disclosures", limit=1, cursor=cursor).status_code == 422
    assert stage.get("m1/disclosures", limit=0).status_code == 422
    assert stage.get("m1/disclosures", since="2026-01-01").status_code == 422


def test_only_a_token_with_the_scope_reads_the_list(stage: Stage, http: FlaskClient, db: Database) -> None:
    stage.member("m1")
    feeder = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM), "events:write privacy:write"))

    for path in ("disclosures", "preview?as=webmaster"):
        for headers in (feeder, stage.webmasters["w1"].headers):
            assert http.get(f"/v1/platform/members/m1/{path}", headers=headers).status_code == 403
