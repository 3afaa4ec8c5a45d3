"""The makers of stored rows make rows that the database accepts and that agree with each other."""

from sqlalchemy import select

from partners.postgres.database import Database
from partners.tables.activity import spending_total
from partners.tables.member import purchase_total
from tests.factories import (
    HAPPENED_AT,
    add_action,
    add_campaign,
    add_device,
    add_member,
    add_model,
    add_partner,
    add_purchase,
    add_spending,
    dump,
)


def test_rows_of_every_kind_are_accepted_and_totals_follow_lines(db: Database) -> None:
    with db.write.begin() as connection:
        webmaster = add_partner(connection)
        campaign = add_campaign(connection, webmaster)
        items = {"age": 34, "turn_ons": b"some bytes"}
        member = add_member(connection, webmaster=webmaster, campaign=campaign, profile_columns=items)
        add_device(connection, member)
        model = add_model(connection)
        add_action(connection, model, member)
        add_spending(connection, model, member, credits=10)
        add_spending(connection, model, member, credits=5)
        add_purchase(connection, member, "p1", amount=2940)
        add_purchase(connection, member, "p2", amount=1)

        spent = connection.execute(select(spending_total)).one()
        bought = connection.execute(select(purchase_total.c["count", "amounts", "usage_clock_at"])).one()
        everything = dump(connection)

    assert (spent.count, spent.credits) == (2, 15)
    assert (bought.count, bought.amounts, bought.usage_clock_at) == (2, {"EUR": 2941}, HAPPENED_AT)
    assert "user_m1" in everything
    assert "some bytes" in everything
