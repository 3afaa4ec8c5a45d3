"""`gateway disclosures`: what was disclosed elsewhere stands in the member's list and archive, and in the log (R27)."""

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.access import access_log, access_subject
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.gateway.api.stage import Stage
from tests.gateway.api.test_archives import ask, fetch
from tests.gateway.cli.commands import invoke, run_json

pytestmark = pytest.mark.usefixtures("environment")
ENTERED = ("--recipient-kind", "authority", "--recipient", "The court of Luxembourg", "--field", "username")


@pytest.fixture
def stage(http: FlaskClient, db: Database, keyring: Keyring) -> Stage:
    return Stage(http, db, keyring)


def test_what_was_disclosed_elsewhere_is_told_with_the_rest_and_on_record(stage: Stage, db: Database) -> None:
    number = stage.member("m1")
    stage.webmasters["w1"].rows()
    run_json("disclosures", "add", "m1", *ENTERED, "--field", "purchases", "--at", "2026-10-01T09:00:00Z")
    run_json("disclosures", "add", "m1", *ENTERED)

    first, second, third = stage.disclosures("m1")
    assert [each["partner"] for each in (first, second, third)] == ["The court of Luxembourg", "W1", first["partner"]]
    assert third == {
        "at": "2026-10-01T09:00:00Z",
        "partner": "The court of Luxembourg",
        "model": None,
        "purpose": "operation",
        "operation": "disclosures.add",
        "fields": ["username", "purchases"],
    }
    page = stage.get("m1/disclosures", limit=2).get_json()
    rest = stage.get("m1/disclosures", limit=2, cursor=page["page"]["next_cursor"]).get_json()
    assert [*page["data"], *rest["data"]] == [first, second, third]
    stage.headers = bearer(access_token(stage.http, add_caller(db, PartnerKind.PLATFORM, "platform-2")))
    received = json.loads(fetch(stage, ask(stage, "access", "settle", verified=True))["recipients.json"])
    by_hand = {(each["category"], each["kind"]) for each in received if each["recipient"] == first["partner"]}
    assert by_hand == {("identifiers", "authority"), ("purchases", "authority")}
    with db.write.connect() as connection:
        joined = select(access_log.c.client, access_subject.c.member)
        joined = joined.join(access_subject, access_subject.c.access == access_log.c.id)
        records = connection.execute(joined.where(access_log.c.operation == "disclosures.add")).all()
    assert [row.member for row in records] == [number] * 2
    assert all(row.client.startswith("operator:") for row in records)


def test_who_and_what_are_closed_lists(stage: Stage) -> None:
    stage.member("m1")
    for wrong, status in [
        (("nobody", *ENTERED), 1),
        (("m1", *ENTERED[2:]), 2),
        (("m1", "--recipient-kind", "neighbour", *ENTERED[2:]), 2),
        (("m1", *ENTERED, "--field", "email"), 2),
        (("m1", *ENTERED, "--at", "tomorrow"), 2),
        (("m1", *ENTERED, "--at", "2026-W01-1 00+01"), 2),
        (("m1", *ENTERED, "--at", "2999-01-01T00:00:00Z"), 2),
        (("m1", *ENTERED, "--recipient", " "), 2),
    ]:
        assert invoke("disclosures", "add", *wrong).exit_code == status, wrong
