"""Runs migrations on the connection handed over by `partners.schema.upgrade`."""

import re

from alembic import context
from sqlalchemy.schema import SchemaItem

from partners.tables import access, activity, member, metadata, partner, rights

__all__ = ["access", "activity", "member", "partner", "rights"]

_PARTITION = re.compile(r"^access_\w+_\d{4}_\d{2}$")


def include(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: SchemaItem | None) -> bool:  # noqa: FBT001
    """Leave the monthly partitions out of comparisons: they follow their parent."""
    return not (kind == "table" and name is not None and _PARTITION.match(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=include,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
