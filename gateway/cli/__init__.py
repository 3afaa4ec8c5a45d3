"""The command line, `gateway`: one file for each group of commands, imported when it is asked for."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from gateway.cli.lazy import Lazy
from gateway.cli.output import check_output, json_text, let_go_of_output
from gateway.observability import libraries

COMMANDS = {
    "approvals": "Grant member-level scopes by two people: one proposes, another approves.",
    "audit": "Read the access log, and hold it to its word.",
    "campaigns": "Register campaigns of webmasters.",
    "clients": "Register clients, and rotate or stop their credentials.",
    "db": "Look after the database.",
    "demo": "Serve a gateway with sample data, and print curl lines that work.",
    "disclosures": "Complete what members are told about disclosures.",
    "ingest": "Apply the platform's events from FILE, or from the standard input with `-`.",
    "issuers": "Register session issuers for token exchange.",
    "keys": "Look after the keys that sign access tokens.",
    "partners": "Register, change and stop partners.",
    "people": "Invite people of webmasters and auditors to sign in, and keep them out.",
    "policy": "Read the disclosure policy.",
    "retention": "Keep no data longer than the policy says.",
    "rights": "Look after what members decided.",
    "serve": "Serve the gateway over HTTP until SIGTERM or SIGINT.",
    "webhooks": "Tell partners of erasures, restrictions, withdrawals and corrections of data they received.",
}
"""What each says of itself, by its name and that of the module that holds it as `command`."""


class Gateway(Lazy):
    """Says every failure in one line or one JSON document."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and leave the process: 0, 1 for a failure, 2 for a wrong use, or what the command says."""
        arguments = list(sys.argv[1:] if args is None else args)
        libraries.hush()
        try:
            status = super().main(arguments, prog_name, **(extra | {"standalone_mode": False}))
        except click.ClickException as error:
            failure = error
        except click.Abort:
            failure = click.ClickException("Interrupted.")
        except Exception as error:  # noqa: BLE001 - what is not known is raised again
            failure = _known(error)
        else:
            sys.exit(status if isinstance(status, int) else 0)
        _say(failure, as_json="--json" in arguments)
        sys.exit(failure.exit_code)


def _say(failure: click.ClickException, *, as_json: bool) -> None:
    """Say what went wrong, on the standard error too where nothing can be written to the standard output."""
    if as_json:
        try:
            check_output()
            click.echo(json_text({"error": failure.format_message()}))
        except OSError:
            as_json = False
    with suppress(OSError):
        if not as_json:
            failure.show()
    let_go_of_output()


def _known(error: Exception) -> click.ClickException:
    """What can go wrong, in words; anything else is raised again."""
    from gateway.cli import failures  # noqa: PLC0415 - needs what speaks to the database, and `--help` does not

    if not isinstance(error, failures.FAILURES):
        raise error
    return click.ClickException(failures.said_of(error))


@click.group(
    cls=Gateway,
    places={name: f"gateway.cli.{name}:command" for name in COMMANDS},
    summaries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="member-data-gateway", prog_name="gateway")
def main() -> None:
    """Share with partners what the privacy policy discloses about members, and never without a record."""
