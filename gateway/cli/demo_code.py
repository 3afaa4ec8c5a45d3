"""`gateway demo code`: what somebody of the demo signs in with."""

import click

from gateway.cli.demo_held import NO_DEMO, held
from gateway.cli.output import json_text
from gateway.demo import people


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def code(*, as_json: bool) -> None:
    """Print the present one-time code of the demo's auditor, as an authenticator app would show it."""
    console = held().console
    if console is None:
        raise click.ClickException(NO_DEMO)
    present = people.code_of(console)
    click.echo(json_text({"code": present}) if as_json else present)
