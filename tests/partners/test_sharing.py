"""Whether a member is shared with webmasters: the Python and the SQL of one rule agree in every world."""

from itertools import product

from sqlalchemy import select

from partners.postgres.database import Database
from partners.sharing import Sharing, shared_with_webmaster
from partners.tables.member import member
from tests.factories import add_member

FACTS = ("affiliate_sharing", "service_consent", "objecting", "restricted", "erased")


def test_python_and_sql_agree_in_every_world(db: Database) -> None:
    worlds = {}
    with db.write.begin() as connection:
        for place, values in enumerate(product([False, True], repeat=len(FACTS))):
            facts = dict(zip(FACTS, values, strict=True))
            worlds[add_member(connection, f"m{place}", **facts)] = Sharing(**facts).holds()

    asked = select(member.c.number, shared_with_webmaster().label("shared"))
    with db.write.connect() as connection:
        stored = {row.number: row.shared for row in connection.execute(asked)}

    assert stored == worlds
    assert sum(worlds.values()) == 1
