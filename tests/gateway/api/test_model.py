"""Cards: what a model learns about a member who has had to do with her, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update
from werkzeug.test import TestResponse

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.activity import model, relation
from partners.tables.member import member, profile
from partners.vocabulary import PartnerKind, ProfileItem
from tests.callers import Caller, access_token, add_caller, bearer, model_token
from tests.conftest import NOW
from tests.factories import add_action, add_member, add_model, add_relation, add_spending, set_usage_clock
from tests.gateway.api.test_webmaster import without_ids

EVERY_SCOPE = ("cards:read", "cards.sensitive:read")
RECENTLY = NOW - timedelta(days=3)


@dataclass
class ModelCenter:
    """A model center acting for models, over HTTP."""

    http: FlaskClient
    db: Database
    caller: Caller
    keyring: Keyring

    def get(self, path: str, of: str = "mdl-1", scope: str | None = None, **headers: str) -> TestResponse:
        token = bearer(model_token(self.http, self.db, self.caller, of=of, scope=scope))
        return self.http.get(f"/v1/model{path}", headers=token | headers)

    def card(self, username: str = "night_owl", of: str = "mdl-1", scope: str | None = None) -> dict[str, Any]:
        answer = self.get(f"/members/{username}", of=of, scope=scope)
        assert answer.status_code == 200, answer.get_json()
        card: dict[str, Any] = answer.get_json()["data"]
        return card

    def change(self, number: int, **columns: Any) -> None:
        with self.db.write.begin() as connection:
            connection.execute(update(member).where(member.c.number == number).values(**columns))

    def change_profile(self, number: int, **columns: Any) -> None:
        with self.db.write.begin() as connection:
            connection.execute(update(profile).where(profile.c.member == number).values(**columns))


@pytest.fixture
def center(db: Database, http: FlaskClient, keyring: Keyring) -> ModelCenter:
    return ModelCenter(http, db, add_caller(db, PartnerKind.MODEL_CENTER, scopes=EVERY_SCOPE), keyring)


@pytest.fixture
def owl(center: ModelCenter) -> int:
    """`night_owl`, who has had to do with `mdl-1`."""
    sealed = {item: center.keyring.seal(f"{item} text".encode()) for item in ("sexual_preferences", "turn_ons")}
    with center.db.write.begin() as connection:
        number = add_member(
            connection, "m1", username="night_owl", mask="gold", regular_payer=True,
            profile_columns={"age": 34, "nickname": "Owl"} | sealed,
        )  # fmt: skip
        her = add_model(connection, "mdl-1")
        add_relation(connection, her, number, favorite=True)
        add_action(connection, her, number, what="like", at=RECENTLY)
        add_spending(connection, her, number, feature="private_chat", credits=590, at=RECENTLY)
        add_spending(connection, her, number, feature="tip", credits=50, at=RECENTLY + timedelta(hours=1))
        set_usage_clock(connection, number, usage_clock_at=RECENTLY)
    return number


@pytest.mark.usefixtures("owl")
def test_a_card(center: ModelCenter) -> None:
    assert center.card() == {
        "username": "night_owl",
        "site": "main",
        "favorite": True,
        "fan_club": False,
        "gift_sent": False,
        "regular_payer": True,
        "mask": "gold",
        "profile": dict.fromkeys(ProfileItem) | {"nickname": "Owl", "age": 34},
        "last_actions": [{"action": "like", "at": "2026-10-29T12:00:00Z"}],
        "spending": {
            "count": 2,
            "credits": 640,
            "first_at": "2026-10-29T12:00:00Z",
            "last_at": "2026-10-29T13:00:00Z",
            "by_feature": [
                {"feature": "private_chat", "count": 1, "credits": 590},
                {"feature": "tip", "count": 1, "credits": 50},
            ],
        },
    }


def test_an_instant_reads_the_same_on_the_card_and_among_its_lines(db: Database, center: ModelCenter, owl: int) -> None:
    """R20."""
    at = datetime(2026, 10, 30, 10, 0, 0, 100_000, tzinfo=UTC)
    with db.write.begin() as connection:
        mira = connection.execute(select(model.c.number).where(model.c.id == "mdl-1")).scalar_one()
        add_spending(connection, mira, owl, at=at)
        add_action(connection, mira, owl, at=at)

    card, (line, *_) = center.card(), center.get("/members/night_owl/spending").get_json()["data"]

    assert card["spending"]["last_at"] == card["last_actions"][0]["at"] == line["at"] == "2026-10-30T10:00:00.100000Z"


@pytest.mark.usefixtures("owl")
def test_sensitive_items_need_their_own_scope(center: ModelCenter) -> None:
    """R24."""
    without = center.card()["profile"]
    with_scope = center.card(scope="cards:read cards.sensitive:read")["profile"]

    assert without["sexual_preferences"] is None
    assert with_scope["sexual_preferences"] == "sexual_preferences text"
    assert with_scope["turn_ons"] == "turn_ons text"
    assert with_scope["dislikes"] is None


@pytest.mark.usefixtures("owl")
def test_usernames_are_found_without_regard_to_case(center: ModelCenter) -> None:
    assert center.card("Night_OWL")["username"] == "night_owl"


def test_a_fan_of_another_model_leaves_no_trace_on_her_card(center: ModelCenter, owl: int) -> None:
    """R14, R19, R20."""
    before = center.card()
    with center.db.write.begin() as connection:
        other = add_model(connection, "mdl-2")
        add_relation(connection, other, owl, fan_club=True, gift_sent=True)
        add_action(connection, other, owl, what="private_chat", at=RECENTLY)
        add_spending(connection, other, owl, credits=9_000, at=RECENTLY)

    assert center.card() == before
    assert center.card(of="mdl-2")["spending"]["credits"] == 9_000


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"regular_payer": False}, {"regular_payer": True, "share_regular_payer": False}),
        ({"mask": None}, {"mask": "gold", "mask_visibility": "private"}),
        ({"mask": None}, {"mask": "iron", "mask_visibility": "private_chatted"}),
        ({"mask": None}, {"mask": "gold", "loyalty_participation": False}),
        ({"affiliate_sharing": True}, {"affiliate_sharing": False, "objecting": True}),
    ],
)
def test_withheld_looks_exactly_like_never_set(
    center: ModelCenter, owl: int, one: dict[str, Any], another: dict[str, Any]
) -> None:
    """R15, R16, R17, R61, R63."""
    center.change(owl, **one)
    first = without_ids(center.get("/members/night_owl"))
    center.change(owl, **another)
    second = without_ids(center.get("/members/night_owl"))

    assert first == second
    assert first[0] == 200


def test_a_private_profile_looks_like_an_empty_one(center: ModelCenter, owl: int) -> None:
    center.change(owl, profile_visibility="private")
    private = without_ids(center.get("/members/night_owl"))
    center.change_profile(owl, **dict.fromkeys(ProfileItem))
    center.change(owl, profile_visibility="all_models")

    assert without_ids(center.get("/members/night_owl")) == private


def test_lapsed_actions_look_like_none(center: ModelCenter, owl: int) -> None:
    """R36: to the second."""
    at_the_edge = NOW - timedelta(days=120)
    with center.db.write.begin() as connection:
        set_usage_clock(connection, owl, usage_clock_at=at_the_edge)
    kept = center.card()["last_actions"]
    with center.db.write.begin() as connection:
        set_usage_clock(connection, owl, usage_clock_at=at_the_edge - timedelta(seconds=1))

    assert len(kept) == 1
    assert center.card()["last_actions"] == []


def test_a_new_purchase_covers_only_what_is_seen_after_it(center: ModelCenter, owl: int) -> None:
    """R36: what has lapsed stays withheld for good."""
    with center.db.write.begin() as connection:
        set_usage_clock(connection, owl, usage_clock_at=NOW, usage_kept_from=RECENTLY + timedelta(hours=1))
        add_action(connection, 1, owl, what="comment", at=RECENTLY + timedelta(hours=2))

    assert [line["action"] for line in center.card()["last_actions"]] == ["comment"]


def test_the_newest_twenty_actions(center: ModelCenter, owl: int) -> None:
    with center.db.write.begin() as connection:
        for hour in range(25):
            add_action(connection, 1, owl, what="message", at=RECENTLY + timedelta(hours=1 + hour))

    actions = center.card()["last_actions"]

    assert len(actions) == 20
    assert actions == sorted(actions, key=lambda line: line["at"], reverse=True)


@pytest.mark.parametrize("columns", [{"restricted": True}, {"erased": True}, {"service_consent": False}])
def test_every_absence_is_the_same_404(center: ModelCenter, owl: int, columns: dict[str, Any]) -> None:
    """R50, R54, R55, R61, R66."""
    unknown = without_ids(center.get("/members/nobody"))
    with center.db.write.begin() as connection:
        add_member(connection, "m2", username="stranger")
    stranger = without_ids(center.get("/members/stranger"))
    center.change(owl, **columns)

    assert unknown[0] == 404
    assert without_ids(center.get("/members/night_owl")) == unknown == stranger


def test_without_a_relation_there_is_no_card(center: ModelCenter, owl: int) -> None:
    """R66."""
    with center.db.write.begin() as connection:
        connection.execute(delete(relation).where(relation.c.member == owl))

    assert center.get("/members/night_owl").status_code == 404


@pytest.mark.usefixtures("owl")
def test_an_encoded_slash_and_odd_names_are_404(center: ModelCenter) -> None:
    for path in ("night%2Fowl", "%00", "%F0%9F%A6%89", "a" * 500, "..%2f", "%C3%28"):
        assert center.get(f"/members/{path}").status_code == 404, path
    for path in ("/v1/model%2Fmembers/night_owl", "/v1/model/members%2fnight_owl", "/v1/model//members/night_owl"):
        answer = center.http.get(path, headers=bearer(model_token(center.http, center.db, center.caller)))
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path


@pytest.mark.usefixtures("owl")
def test_a_model_center_without_a_model_opens_no_card(center: ModelCenter) -> None:
    """Contract §1."""
    token = access_token(center.http, center.caller)

    assert center.http.get("/v1/model/members/night_owl", headers=bearer(token)).status_code == 403


@pytest.mark.usefixtures("owl")
def test_the_model_is_never_a_parameter(center: ModelCenter) -> None:
    assert center.get("/members/night_owl?model=mdl-2").status_code == 422


def store_cards(center: ModelCenter) -> None:
    """Five members: `a` a favourite, `b` in the fan club, `c` sent a gift, `d` spent, `e` a stranger."""
    relations: dict[str, dict[str, Any] | None] = {
        "a": {"favorite": True},
        "b": {"fan_club": True},
        "c": {"gift_sent": True},
        "d": {},
        "e": None,
    }
    with center.db.write.begin() as connection:
        her = add_model(connection, "mdl-1")
        for name, columns in relations.items():
            number = add_member(connection, name, username=name)
            if columns is not None:
                add_relation(connection, her, number, **columns)
            if name == "d":
                add_spending(connection, her, number)


def usernames(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.get_json()
    return [card["username"] for card in answer.get_json()["data"]]


@pytest.mark.parametrize(
    ("relation_kind", "listed"),
    [("favorite", "a"), ("fan_club", "b"), ("gift_sent", "c"), ("spender", "d"), ("any", "abcd")],
)
def test_cards_by_relation(center: ModelCenter, relation_kind: str, listed: str) -> None:
    store_cards(center)

    assert usernames(center.get(f"/members?relation={relation_kind}")) == list(listed)
    assert usernames(center.get(f"/members?relation={relation_kind}", of="mdl-2")) == []


def test_who_spent_with_another_model_is_no_spender_of_hers(center: ModelCenter) -> None:
    """R14."""
    store_cards(center)
    with center.db.write.begin() as connection:
        favourite = connection.execute(select(member.c.number).where(member.c.id == "a")).scalar_one()
        add_spending(connection, add_model(connection, "mdl-3"), favourite)

    assert usernames(center.get("/members?relation=spender")) == ["d"]


def test_cards_by_relation_page_by_page(center: ModelCenter) -> None:
    store_cards(center)

    first = center.get("/members?relation=any&limit=3")
    cursor = first.get_json()["page"]["next_cursor"]

    assert usernames(first) == ["a", "b", "c"]
    assert usernames(center.get(f"/members?relation=any&limit=3&cursor={cursor}")) == ["d"]
    assert center.get(f"/members?relation=spender&limit=3&cursor={cursor}").status_code == 422
    assert center.get(f"/members?relation=any&limit=3&cursor={cursor}", of="mdl-2").status_code == 422


def test_cards_by_username_in_the_order_asked_each_once(center: ModelCenter) -> None:
    store_cards(center)
    headers = bearer(model_token(center.http, center.db, center.caller))
    body = {"usernames": ["d", "e", "nobody", "A", "a", "b\0", "", "x" * 65, "A\u0301" * 40]}

    batch = center.http.post("/v1/model/members/batch", json=body, headers=headers)

    assert usernames(batch) == ["d", "a"]
    assert usernames(center.get("/members?username=d&username=e&username=A&username=a")) == ["d", "a"]
    assert batch.get_json()["page"] == {"next_cursor": None, "has_more": False}


@pytest.mark.parametrize(
    "query",
    ["", "?relation=friends", "?username=a&relation=any", "?username=a&limit=3", "?relation=any&relation=any", "?x=1"],
)
def test_cards_are_chosen_one_way(center: ModelCenter, query: str) -> None:
    assert center.get(f"/members{query}").status_code == 422


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("?relation=any&cursor=x&limit=0", {"cursor", "limit"}),
        ("/night_owl/spending?from=x&cursor=q", {"from", "cursor"}),
    ],
)
def test_what_is_no_cursor_is_named_beside_other_faults(center: ModelCenter, path: str, faults: set[str]) -> None:
    errors = center.get(f"/members{path}").get_json()["errors"]

    assert {fault["parameter"] for fault in errors} == faults


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"usernames": []}', b'{"usernames": [1]}', b"\xff"])
def test_a_bad_batch_is_refused(center: ModelCenter, body: bytes) -> None:
    headers = bearer(model_token(center.http, center.db, center.caller)) | {"Content-Type": "application/json"}

    answer = center.http.post("/v1/model/members/batch", data=body, headers=headers)

    assert answer.status_code in {400, 422}
    assert answer.content_type == "application/problem+json"


def test_a_member_may_be_called_batch(center: ModelCenter) -> None:
    with center.db.write.begin() as connection:
        add_relation(connection, add_model(connection, "mdl-1"), add_member(connection, "m1", username="batch"))

    assert center.card("batch")["username"] == "batch"


def lines(answer: TestResponse) -> list[tuple[str, int]]:
    assert answer.status_code == 200, answer.get_json()
    return [(line["feature"], line["credits"]) for line in answer.get_json()["data"]]


def test_spending_lines_add_up_to_the_card(center: ModelCenter, owl: int) -> None:
    """R20: her totals equal her lines."""
    with center.db.write.begin() as connection:
        add_spending(connection, add_model(connection, "mdl-2"), owl, credits=7_000)

    answer = center.get("/members/night_owl/spending")

    assert answer.get_json()["data"][0] == {"at": "2026-10-29T13:00:00Z", "feature": "tip", "credits": 50}
    assert lines(answer) == [("tip", 50), ("private_chat", 590)]
    assert sum(spent for _, spent in lines(answer)) == center.card()["spending"]["credits"]


@pytest.mark.usefixtures("owl")
def test_spending_lines_page_by_page_and_by_time(center: ModelCenter) -> None:
    first = center.get("/members/night_owl/spending?limit=1")
    cursor = first.get_json()["page"]["next_cursor"]

    assert lines(first) == [("tip", 50)]
    assert lines(center.get(f"/members/night_owl/spending?limit=1&cursor={cursor}")) == [("private_chat", 590)]
    assert center.get(f"/members/other/spending?limit=1&cursor={cursor}").status_code == 422
    assert lines(center.get("/members/night_owl/spending?from=2026-10-29T12:30:00Z")) == [("tip", 50)]
    assert lines(center.get("/members/night_owl/spending?from=2026-10-29T13:00:00Z")) == [("tip", 50)]
    assert lines(center.get("/members/night_owl/spending?to=2026-10-29T13:00:00Z")) == [("private_chat", 590)]
    (fault,) = center.get("/members/night_owl/spending?from=2026-10-29").get_json()["errors"]
    assert fault == {
        "parameter": "from",
        "code": "invalid_value",
        "detail": "An RFC 3339 instant with an offset, such as `2026-10-01T12:00:00Z`.",
    }


def test_spending_without_lines_and_without_a_card(center: ModelCenter, owl: int) -> None:
    with center.db.write.begin() as connection:
        add_relation(connection, add_model(connection, "mdl-2"), owl)
    unknown = without_ids(center.get("/members/nobody/spending"))

    assert lines(center.get("/members/night_owl/spending", of="mdl-2")) == []
    center.change(owl, restricted=True)
    assert without_ids(center.get("/members/night_owl/spending")) == unknown
    assert unknown[0] == 404
