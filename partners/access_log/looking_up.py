"""Who and what there is to search for: values that a search may name."""

from collections.abc import Collection

from sqlalchemy import Connection, exists, func, select

from partners.tables.activity import model
from partners.tables.consent import person
from partners.tables.operator import operator_act
from partners.tables.partner import client, partner

_MODELS_TO_SUGGEST = 200


def partner_ids(connection: Connection) -> Collection[str]:
    """Every partner there is."""
    return connection.execute(select(partner.c.id)).scalars().all()


def is_client(connection: Connection, identifier: str) -> bool:
    """Whether a client is called that, or somebody who signs in: both stand in the log as who asked."""
    known = exists().where(client.c.id == identifier) | exists().where(person.c.id == identifier)
    return bool(connection.scalar(select(known)))


def model_ids(connection: Connection, like: str) -> Collection[str]:
    """The model of this id, or else some whose ids begin alike."""
    known = select(model.c.id).where(model.c.id == like)
    alike = select(model.c.id).where(func.left(model.c.id, 2) == like[:2]).order_by(model.c.id)
    return (
        connection.execute(known).scalars().all() or connection.execute(alike.limit(_MODELS_TO_SUGGEST)).scalars().all()
    )


def is_family_of_operations(connection: Connection, beginning: str) -> bool:
    """Whether an operator ever did what begins so."""
    known = operator_act.c.operation.startswith(beginning, autoescape=True)
    return bool(connection.scalar(select(exists().where(known))))


def is_operation(connection: Connection, name: str) -> bool:
    """Whether an operator ever did what is called that."""
    return bool(connection.scalar(select(exists().where(operator_act.c.operation == name))))
