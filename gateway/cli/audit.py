"""`gateway audit`: the access log for the security team."""

import click

from gateway.cli.lazy import Lazy

PLACES = {
    "alerts": "gateway.cli.audit_alerts:alerts",
    "check": "gateway.cli.audit_proofs:check",
    "checkpoint": "gateway.cli.audit_checkpoints:checkpoint",
    "detect": "gateway.cli.audit_alerts:detect",
    "export": "gateway.cli.audit_export:export",
    "export-tiles": "gateway.cli.audit_proofs:export_tiles",
    "key": "gateway.cli.audit_key:key",
    "prove": "gateway.cli.audit_proofs:prove",
    "push": "gateway.cli.audit_push:push",
    "reconcile": "gateway.cli.audit_reconcile:reconcile",
    "seal": "gateway.cli.audit_checkpoints:seal",
    "sinks": "gateway.cli.audit_push:group",
    "verify": "gateway.cli.audit_verify:verify",
}
"""Where each command is."""


@click.group("audit", cls=Lazy, places=PLACES)
def command() -> None:
    """Read the access log, and hold it to its word."""
