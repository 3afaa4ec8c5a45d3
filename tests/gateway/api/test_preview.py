"""A preview is what the partner would get now, to the byte, and it is no disclosure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.registry.terms import Terms
from partners.tables.access import access_log, access_subject
from partners.tables.member import member
from serializers.policies import VERSION
from tests.gateway.api.stage import Stage
from tests.gateway.api.test_webmaster import ABSENT

CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {"site": "main"},
    "an identifying username": {"username_harmless": False},
    "no badge": {"share_regular_payer": False},
    "no loyalty": {"loyalty_participation": False},
    "a private mask": {"mask_visibility": "private"},
    "a profile for chatted models": {"profile_visibility": "private_chatted"},
    "no device": {"device_type": None, "device_os": None, "device_browser": None},
    **ABSENT,
}
for elsewhere in ("not_referred", "erased"):
    del CHANGES[elsewhere]


@pytest.fixture
def stage(http: FlaskClient, db: Database, keyring: Keyring) -> Stage:
    return Stage(http, db, keyring)


def data_of(body: bytes) -> bytes:
    """The bytes of a body's `data`."""
    return body.removeprefix(b'{"data":').rpartition(b',"meta"')[0]


def test_a_preview_is_the_partner_s_answer_to_the_byte(stage: Stage) -> None:
    number = stage.member("m1")
    ref = stage.webmasters["w1"].rows()[0]["ref"]
    with stage.db.write.connect() as connection:
        before = connection.execute(select(member).where(member.c.number == number)).one()._asdict()

    for change in CHANGES.values():
        stage.change(number, **change)
        as_webmaster = stage.get("m1/preview", **{"as": "webmaster"})
        as_model = stage.get("m1/preview", **{"as": "model:mdl-1"})

        for preview, real in (
            (as_webmaster, stage.webmasters["w1"].get(f"/members/{ref}")),
            (as_model, stage.center.get("/members/user_m1", of="mdl-1")),
        ):
            expected = data_of(real.data) if real.status_code == 200 else b"null"
            assert data_of(preview.data) == expected, change
            assert (preview.status_code, preview.headers["Cache-Control"]) == (200, "no-store")
        stage.change(number, **{name: before[name] for name in change})


def test_a_usual_token_shows_no_sensitive_item(stage: Stage) -> None:
    stage.member("m1")

    profile = stage.preview("m1", "model:mdl-1")["profile"]

    assert [item for item, value in profile.items() if value is None] == ["sexual_preferences", "turn_ons", "dislikes"]


def test_nobody_s_referral_and_a_stranger_to_a_model_are_null(stage: Stage) -> None:
    stage.webmasters["w1"].member(stage.db, "m1", webmaster=None, campaign=None)

    for viewer in ("webmaster", "model:mdl-1", "model:nobody", "model:x:y", "model: '\"\n"):
        assert stage.preview("m1", viewer) is None


def sql(stage: Stage, statement: str) -> Callable[[], None]:
    def change() -> None:
        with stage.db.write.begin() as connection:
            connection.execute(text(statement))

    return change


def test_a_partner_that_gets_no_member_rows_now_sees_nothing(stage: Stage) -> None:
    """R28, R29: suspended, without terms or with others than those that bind, outside the EEA."""
    stage.member("m1")
    runtime = stage.http.application.extensions["runtime"]
    stage.http.application.extensions["runtime"] = replace(
        runtime, settings=replace(runtime.settings, terms=Terms("2"))
    )
    sql(stage, "UPDATE partner SET terms_version = '2'")()
    for columns, back in (
        ("status = 'suspended'", "status = 'active'"),
        ("terms_accepted_at = NULL", "terms_accepted_at = now()"),
        ("terms_version = '1'", "terms_version = '2'"),
        ("country = 'US'", "country = 'LU'"),
    ):
        for partner, viewer in (("w1", "webmaster"), ("model_center", "model:mdl-1")):
            assert stage.preview("m1", viewer) is not None
            sql(stage, f"UPDATE partner SET {columns} WHERE id = '{partner}'")()
            assert stage.preview("m1", viewer) is None
            sql(stage, f"UPDATE partner SET {back} WHERE id = '{partner}'")()


def test_without_accepted_terms_nothing_is_seen_although_no_version_binds(stage: Stage) -> None:
    """R28."""
    stage.member("m1")
    sql(stage, "UPDATE partner SET terms_accepted_at = NULL")()

    assert stage.preview("m1", "webmaster") is None
    assert stage.preview("m1", "model:mdl-1") is None
    assert stage.webmasters["w1"].get("/members").status_code == 403


def test_a_preview_is_on_record_before_it_is_answered_and_is_no_disclosure(stage: Stage) -> None:
    number = stage.member("m1")
    stage.preview("m1", "webmaster")
    stage.preview("m1", "model:nobody")

    assert stage.disclosures("m1") == []
    with stage.db.write.connect() as connection:
        rows = connection.execute(
            select(access_log, access_subject.c.member)
            .join(access_subject, access_subject.c.access == access_log.c.id)
            .where(access_log.c.operation == "preview")
            .order_by(access_log.c.at)
        ).all()
    assert [(row.outcome, row.audience, row.partner, row.purpose, row.member) for row in rows] == [
        ("released", "platform", "platform", "members_rights", number),
        ("empty", "platform", "platform", "members_rights", number),
    ]
    assert {row.policy_version for row in rows} == {VERSION}


def test_no_record_no_preview(stage: Stage, database_url: str) -> None:
    stage.member("m1", username="canary_name")
    from partners.postgres import database  # noqa: PLC0415

    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON access_subject FROM gateway_write"))
    owner.dispose()

    answer = stage.get("m1/preview", **{"as": "webmaster"})

    assert answer.status_code == 503
    assert b"canary" not in answer.data


@pytest.mark.parametrize(
    "query",
    [
        {}, {"as": ""}, {"as": "webmaster:w1"}, {"as": "model"}, {"as": "model:"}, {"as": "model:a\0b"},
        {"as": "auditor"}, {"as": ["webmaster", "webmaster"]}, {"as": "webmaster", "scope": "x"},
        {"as": "model:" + "x" * 256},
    ],
)  # fmt: skip
def test_anything_else_than_a_viewer_is_refused(stage: Stage, query: dict[str, Any]) -> None:
    stage.webmasters["w1"].member(stage.db, "m1")

    answer = stage.get("m1/preview", **query)

    assert answer.status_code == 422
    assert {fault["parameter"] for fault in answer.get_json()["errors"]} <= {"as", "scope"}
