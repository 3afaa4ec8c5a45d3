"""Runs migrations on the connection handed over by `gateway.preparation`."""

from alembic import context

from migrations.inclusion import include
from partners.tables import (
    access,
    activity,
    consent,
    console,
    detections,
    log_key,
    member,
    metadata,
    operator,
    outbox,
    partner,
    pruning,
    rights,
    sealing,
    sink,
    statistics,
)

__all__ = [
    "access", "activity", "consent", "console", "detections", "log_key", "member", "operator", "outbox", "partner",
    "pruning", "rights", "sealing", "sink", "statistics",
]  # fmt: skip

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=include,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
