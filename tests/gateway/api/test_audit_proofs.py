"""What an auditor can hold the log to over HTTP: checkpoint, key, consistency, and the proof of each entry."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from partners.access_log.checkpoints import origin_of, read_checkpoint, signer_of
from partners.access_log.keys import DerivedKeys, rotate
from partners.access_log.notes import opened, read_vkey
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.conftest import SECRET
from tests.gateway.api.test_webmaster import webmaster
from tests.partners.access_log import rfc6962
from tests.partners.access_log.logs import Log, access
from tests.recycling import Recycled

ORIGIN = origin_of("http://127.0.0.1:8000")


@pytest.fixture
def log(own: Recycled, tmp_path: Path) -> Log:
    return Log(own.url, tmp_path, signer_of(Keyring(SECRET), ORIGIN, 1), own=own)


@pytest.fixture
def sealed(log: Log, auditor: dict[str, str]) -> None:
    """The log of an auditor's having got a token."""
    assert log.seal().size >= len(auditor)


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> dict[str, str]:
    return bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))


def get(http: FlaskClient, auditor: dict[str, str], path: str, **query: Any) -> Any:
    return http.get(f"/v1/audit/{path}", query_string=query, headers=auditor)


def sealed_bytes(log: Log) -> list[bytes]:
    rows = log.sql("SELECT leaf FROM sealed_leaf JOIN access_log ON id = access ORDER BY index")
    return [bytes(row.leaf) for row in rows]


def test_the_checkpoint_is_a_note_that_the_key_verifies(http: FlaskClient, log: Log, auditor: dict[str, str]) -> None:
    log.seal()

    note, key = get(http, auditor, "checkpoint"), get(http, auditor, "key")

    assert {note.content_type, key.content_type} == {"text/plain; charset=utf-8"}
    checkpoint = read_checkpoint(opened(note.text, [read_vkey(key.text)]))
    assert (checkpoint.origin, checkpoint.root) == (ORIGIN, rfc6962.tree_hash(sealed_bytes(log)))


def test_after_a_rotation_the_key_is_the_new_one_alone(http: FlaskClient, log: Log, auditor: dict[str, str]) -> None:
    log.keys = DerivedKeys(Keyring(SECRET), ORIGIN)
    log.grow(1)
    old = get(http, auditor, "key").text
    with log.superuser.begin() as connection:
        rotate(connection, log.keys, access())
    log.grow(1)

    new = get(http, auditor, "key").text

    assert new != old
    assert opened(log.note(), [read_vkey(new)]) == opened(log.note(), [read_vkey(old)])


def test_before_anything_is_signed_there_is_no_checkpoint(http: FlaskClient, auditor: dict[str, str]) -> None:
    assert get(http, auditor, "checkpoint").status_code == 404
    assert get(http, auditor, "consistency", **{"from": 0, "to": 0}).status_code == 422


def test_an_entry_comes_with_its_proof_once_it_is_sealed(
    db: Database, http: FlaskClient, log: Log, auditor: dict[str, str]
) -> None:
    w1 = webmaster(db, http, "w1")
    w1.get("/members")
    waiting = get(http, auditor, "accesses", operation="members.list").get_json()["data"][0]
    assert waiting["index"] is None
    log.seal()

    entry = get(http, auditor, f"accesses/{waiting['id']}").get_json()["data"]

    proof, leaves = entry["proof"], sealed_bytes(log)
    assert entry["index"] == proof["index"]
    assert leaves[proof["index"]] == base64.b64decode(entry["leaf"])
    assert proof["hashes"] == [base64.b64encode(each).decode() for each in rfc6962.path(proof["index"], leaves)]
    assert proof["tree_size"] == len(leaves)
    assert read_checkpoint(proof["checkpoint"]).root == rfc6962.tree_hash(leaves)
    listed = get(http, auditor, "accesses", operation="members.list").get_json()["data"][0]
    assert listed["index"] == entry["index"]


def test_older_checkpoints_are_proved_to_be_the_beginning(http: FlaskClient, log: Log, auditor: dict[str, str]) -> None:
    log.grow(5, 6)
    leaves = sealed_bytes(log)
    size = len(leaves)

    for old in range(1, size + 1):
        data = get(http, auditor, "consistency", **{"from": old, "to": size}).get_json()["data"]
        expected = [base64.b64encode(each).decode() for each in rfc6962.proof(old, leaves)]
        assert data == {"from": old, "to": size, "hashes": expected}
    assert get(http, auditor, "consistency", **{"from": 0, "to": size}).get_json()["data"]["hashes"] == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"from": 1, "to": 100}, "to"),
        ({"from": 2, "to": 1}, "to"),
        ({"from": -1, "to": 1}, "from"),
        ({"from": 1}, "to"),
        ({"to": 1}, "from"),
        ({"from": "one", "to": 1}, "from"),
        ({"from": 0, "to": 2**70}, "to"),
        ({"from": 0, "to": 1, "size": 1}, "size"),
    ],
)
@pytest.mark.usefixtures("sealed")
def test_sizes_that_cannot_be_are_422(
    http: FlaskClient, auditor: dict[str, str], query: dict[str, Any], parameter: str
) -> None:

    answer = get(http, auditor, "consistency", **query)

    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.get_json()["errors"]] == [parameter]


def test_every_look_at_the_tree_is_in_the_log(http: FlaskClient, log: Log, auditor: dict[str, str]) -> None:
    log.seal()
    for path, query in (("checkpoint", {}), ("key", {}), ("consistency", {"from": 1, "to": 1})):
        assert get(http, auditor, path, **query).status_code == 200

    entries = get(http, auditor, "accesses", outcome="released").get_json()["data"]
    looks = [entry for entry in entries if entry["operation"].startswith("audit.")]
    assert [(look["operation"], look["purpose"], look["audience"]) for look in looks] == [
        (operation, "security", "auditor") for operation in ("audit.consistency", "audit.key", "audit.checkpoint")
    ]


def test_other_audiences_see_none_of_it(db: Database, http: FlaskClient) -> None:
    w1 = webmaster(db, http, "w1")
    for path in ("checkpoint", "key", "consistency?from=0&to=0"):
        assert http.get(f"/v1/audit/{path}", headers=w1.headers).status_code == 403


def test_a_broken_tree_proves_nothing_and_is_no_fault_of_the_caller(
    http: FlaskClient, log: Log, auditor: dict[str, str]
) -> None:
    log.grow(5)
    log.sql("DELETE FROM sealed_leaf WHERE index = 1")

    assert get(http, auditor, "consistency", **{"from": 2, "to": 5}).status_code == 503
    access = log.sql("SELECT access FROM sealed_leaf WHERE index = 3")[0].access
    entry = get(http, auditor, f"accesses/acc_{access.hex}").get_json()["data"]
    assert (entry["index"], entry["proof"]) == (3, None)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE access_log SET leaf = leaf || ' '::bytea",
        "UPDATE sealed_leaf SET hash = sha256(hash) WHERE index = 2",
        "UPDATE log_checkpoint SET note = ''",
    ],
)
def test_what_does_not_lead_to_the_checkpoint_is_no_proof(
    http: FlaskClient, log: Log, auditor: dict[str, str], tampering: str
) -> None:
    log.grow(5)
    access = log.sql("SELECT access FROM sealed_leaf WHERE index = 3")[0].access
    log.sql(tampering)

    entry = get(http, auditor, f"accesses/acc_{access.hex}").get_json()["data"]
    assert (entry["index"], entry["proof"]) == (3, None)


def test_the_leaf_s_hash_is_that_of_the_contract(log: Log) -> None:
    log.grow(1)

    (row,) = log.sql("SELECT leaf, hash FROM sealed_leaf JOIN access_log ON id = access")
    assert bytes(row.hash) == hashlib.sha256(b"\x00" + bytes(row.leaf)).digest()


@pytest.mark.parametrize("table", ["sealed_leaf", "sealed_node", "log_checkpoint"])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET hash = hash", "DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"]
)
def test_no_role_but_the_sealing_one_appends_to_the_tree_and_none_changes_it(
    db: Database, database_url: str, table: str, change: str
) -> None:
    sealer = database.sealer(database_url)
    statement = change.format(table).replace(
        "hash = hash", "size = size" if table == "log_checkpoint" else "hash = hash"
    )
    for engine in (db.release.engine, db.write, *([] if "INSERT" in change else [sealer])):
        with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(text(statement))
    sealer.dispose()


def test_the_sealing_role_reads_of_a_record_what_it_seals_alone(database_url: str) -> None:
    sealer = database.sealer(database_url)
    with sealer.connect() as connection:
        connection.execute(text("SELECT at, id, leaf, transaction FROM access_log"))
        with pytest.raises(Exception, match="permission denied"):
            connection.execute(text("SELECT partner FROM access_log"))
    sealer.dispose()
