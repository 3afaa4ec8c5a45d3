"""Everything in the log about one member: each access with the verdict on this member, and sums by who asked."""

from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, tuple_

from partners.access_log.identifiers import Place
from partners.access_log.subjects import accesses_about
from partners.tables.access import access_log, access_network
from partners.tables.activity import model
from partners.tables.partner import partner
from partners.tables.sealing import sealed_leaf


def accesses_of(connection: Connection, member: int, *, after: Place | None, limit: int) -> list[Row[Any]]:
    """Return the newest accesses about a member, at most `limit`, each with this member's own `verdict`."""
    about = accesses_about(member)
    entry = and_(access_log.c.at == about.c.at, access_log.c.id == about.c.access)
    network = and_(access_network.c.at == about.c.at, access_network.c.access == about.c.access)
    index = select(sealed_leaf.c.index).where(sealed_leaf.c.access == about.c.access).scalar_subquery()
    columns = [column for column in access_log.c if column.name not in {"leaf", "transaction", "verdicts"}]
    statement = (
        select(*columns, about.c.verdict, access_network.c.ip, index.label("sealed_index"))
        .select_from(about.join(access_log, entry).outerjoin(access_network, network))
        .order_by(about.c.at.desc(), about.c.access.desc())
    )
    if after is not None:
        statement = statement.where(tuple_(about.c.at, about.c.access) < tuple_(after.at, after.access))
    return list(connection.execute(statement.limit(limit)))


def askers_about(connection: Connection, member: int) -> list[Row[Any]]:
    """Return who asked about a member: how often, when first and last, by what was asked and what was decided."""
    about = accesses_about(member)
    entry = and_(access_log.c.at == about.c.at, access_log.c.id == about.c.access)
    by = (
        *access_log.c["audience", "partner", "model", "operation", "outcome", "policy_version"],
        partner.c.name.label("partner_name"),
        model.c.name.label("model_name"),
        about.c.verdict,
    )
    counted = (
        func.count().label("accesses"),
        func.min(about.c.at).label("first"),
        func.max(about.c.at).label("last"),
    )
    named = (
        about.join(access_log, entry)
        .outerjoin(partner, partner.c.id == access_log.c.partner)
        .outerjoin(model, model.c.id == access_log.c.model)
    )
    # The columns themselves: PostgreSQL groups by no label of another table's column.
    return list(connection.execute(select(*by, *counted).select_from(named).group_by(*by)))
