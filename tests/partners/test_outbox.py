"""What is to be told is put down at once, however much it is."""

from sqlalchemy import select

from partners.keyring import Keyring
from partners.outbox import ALWAYS, Concern, write_concerns
from partners.postgres.database import Database
from partners.tables.outbox import concern
from partners.vocabulary import NoticeTopic, PartnerKind
from tests.round_trips import sent


def test_concerns_go_out_in_one_statement(db: Database, keyring: Keyring) -> None:
    told = [
        Concern(1, NoticeTopic.ERASED, "night_owl"),
        Concern(2, NoticeTopic.RENAMED, "glass_harp", ("username",), (ALWAYS,), (PartnerKind.MODEL_CENTER,)),
        Concern(3, NoticeTopic.RENAMED, "copper_kite"),
    ]
    with db.write.begin() as connection, sent(connection) as statements:
        write_concerns(connection, told, keyring)
        write_concerns(connection, [], keyring)
    assert len(statements) == 1

    with db.write.connect() as connection:
        rows = connection.execute(select(concern).order_by(concern.c.number)).all()
    found = [(row.member, row.topic, *map(tuple, (row.fields, row.fields_since, row.audiences))) for row in rows]
    assert found == [(each.member, each.topic, each.fields, each.fields_since, tuple(each.audiences)) for each in told]
    assert [keyring.unseal(row.sealed_username).decode() for row in rows] == [each.username for each in told]
    assert all(row.created_at for row in rows)
