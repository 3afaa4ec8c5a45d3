"""The command line, `gateway`: one file for each group of commands, imported when it is asked for."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from gateway import observability
from gateway.cli.failures import FAILURES, said_of
from gateway.cli.output import json_text

COMMANDS = {
    "approvals": "gateway.cli.approvals",
    "audit": "gateway.cli.audit",
    "campaigns": "gateway.cli.campaigns",
    "clients": "gateway.cli.clients",
    "db": "gateway.cli.db",
    "demo": "gateway.cli.demo",
    "disclosures": "gateway.cli.disclosures",
    "ingest": "gateway.cli.ingest",
    "issuers": "gateway.cli.issuers",
    "keys": "gateway.cli.keys",
    "partners": "gateway.cli.partners",
    "people": "gateway.cli.people",
    "policy": "gateway.cli.policy",
    "retention": "gateway.cli.retention",
    "rights": "gateway.cli.rights",
    "serve": "gateway.cli.serve",
    "webhooks": "gateway.cli.webhooks",
}
"""Modules by the command they hold as `command`."""


class Gateway(click.Group):
    """Finds commands by name, and says every failure in one line or one JSON document."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name every command, in order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import the module that holds a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and leave the process: 0, 1 for a failure, 2 for a wrong use, or what the command says."""
        arguments = list(sys.argv[1:] if args is None else args)
        # What is logged goes to the standard error stream: the other one is the command's answer.
        observability.configure()
        try:
            status = super().main(arguments, prog_name, **(extra | {"standalone_mode": False}))
        except click.ClickException as error:
            failure = error
        except click.Abort:
            failure = click.ClickException("Interrupted.")
        except FAILURES as error:
            failure = click.ClickException(said_of(error))
        else:
            sys.exit(status if isinstance(status, int) else 0)
        if "--json" in arguments:
            click.echo(json_text({"error": failure.format_message()}))
        else:
            failure.show()
        sys.exit(failure.exit_code)


@click.group(cls=Gateway, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="member-data-gateway", prog_name="gateway")
def main() -> None:
    """Share with partners what the privacy policy discloses about members, and never without a record."""
