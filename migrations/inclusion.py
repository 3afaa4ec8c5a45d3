"""Which tables migrations are about: all but the monthly partitions, which follow their parent."""

import re

from sqlalchemy.schema import SchemaItem

_PARTITION = re.compile(r"^access_\w+_\d{4}_\d{2}$")


def include(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: SchemaItem | None) -> bool:  # noqa: FBT001 - Alembic's signature
    """Say whether Alembic compares an object."""
    return not (kind == "table" and name is not None and _PARTITION.match(name))
