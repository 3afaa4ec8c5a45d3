"""Everything that is stored about members is in their archive, column by column, or is left out for a named reason."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Column, Table

from partners.keyring import Keyring
from partners.outbox import CLOSED_KEPT
from partners.postgres.database import Database
from partners.rights.archive import NOT_TOLD, PIECES, READ_ELSEWHERE
from partners.tables.outbox import concern
from partners.vocabulary import PartnerKind
from serializers.archive import CATEGORIES, category_of
from serializers.policies import POLICIES
from serializers.policy.grants import columns_read
from tests.callers import access_token, add_caller, bearer
from tests.contracts.test_erasure_covers_every_personal_table import ABOUT_A_MEMBER, knows_members
from tests.partners.rights.test_erasure import CANARIES, ID, live_a_full_life


def about_members() -> Iterator[Column[Any]]:
    from partners.tables import metadata  # noqa: PLC0415

    for table in metadata.sorted_tables:
        if knows_members(table):
            yield from (column for column in table.c if column.info["class"] in ABOUT_A_MEMBER)


def test_every_column_about_members_is_told_or_left_out_for_a_reason() -> None:
    """R46."""
    named = columns_read(piece.statement for piece in PIECES)
    left_out = {(what.table if isinstance(what, Column) else what, what) for what in NOT_TOLD}
    tables = {what for _, what in left_out if isinstance(what, Table)} | set(READ_ELSEWHERE)
    columns = {what for _, what in left_out if isinstance(what, Column)}

    missing = [
        f"{column.table.name}.{column.name}"
        for column in about_members()
        if column.name not in named.get(column.table.name, ()) and column.table not in tables and column not in columns
    ]

    assert missing == []
    assert all(NOT_TOLD.values())


def test_how_long_a_change_of_name_is_known_is_told() -> None:
    """R51."""
    assert f"{CLOSED_KEPT.days} days" in NOT_TOLD[concern]


def test_every_piece_belongs_to_a_category_and_every_field_to_one() -> None:
    """R57, R59."""
    files = {name for category in CATEGORIES for name in category.pieces}

    assert files == {piece.name for piece in PIECES} | set(READ_ELSEWHERE.values()) | {"recipients"}
    for policy in POLICIES:
        for operation in policy.operations:
            for field in policy.fields:
                assert category_of(operation, field.name), field.name
    with pytest.raises(LookupError):
        category_of("card.get", "a_new_field")


def test_a_full_life_is_in_the_archive_word_for_word(http: FlaskClient, db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
    headers = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))
    requests = f"/v1/platform/members/{ID}/requests"
    agent = {"via": "agent", "authorization": "canary-authorization", "reason": "canary-reason"}
    made = http.post(requests, json={"type": "access", "verified": True, **agent}, headers=headers).get_json()
    http.post(f"{requests}/{made['id']}", json={"action": "settle"}, headers=headers)

    answer = http.get(f"{requests}/{made['id']}/archive", headers=headers)

    with ZipFile(BytesIO(answer.data)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    rows = {file["name"]: file["rows"] for file in json.loads(files["about.json"])["files"]}
    for form in ("json", "csv"):
        whole = b"".join(body for name, body in files.items() if name.endswith(form))
        assert [canary for canary in CANARIES if canary.encode() not in whole] == []
    # Nobody has asked, nothing is held back, and no name was given up.
    assert {name for name, count in rows.items() if not count} == {"disclosures", "recipients", "former_usernames"}
