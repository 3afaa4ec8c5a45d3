"""`gateway demo`: a gateway with sample data and partners of every kind, and tokens to try it with."""

import os
from dataclasses import replace
from pathlib import Path

import click

from gateway.cli.output import json_text
from gateway.cli.serve import default_workers, leave_on_sigterm, port_option, reserved
from gateway.cli.session import Session, session
from gateway.demo import credentials, guide, people, tokens
from gateway.demo.loading import NotADemoError, load, reference_of_the_owl
from gateway.serving.server import Serving, address_of, serve
from gateway.settings import Settings

NO_DEMO = "There is no demo here yet: start one with `gateway demo`, or set GATEWAY_DATA_DIR to that of a running one."
NOT_A_DEMO = "holds a gateway with partners of its own; set GATEWAY_DATA_DIR to an empty directory for the demo."


@click.group("demo", invoke_without_command=True)
@port_option
@click.option("--json", "as_json", is_flag=True, help="Print the lines as one JSON document.")
@click.pass_context
def command(context: click.Context, port: int, *, as_json: bool) -> None:
    """Serve a gateway with sample data, and print curl lines that work.

    Everything is kept in the data directory; started again, the demo goes on where it was.
    """
    if context.invoked_subcommand is None:
        _run(port, as_json=as_json)


@command.command()
@click.argument("whom", metavar="webmaster:ID|model:ID|platform|auditor")
@click.option("--scope", help="Scopes, separated by blanks; by default all but cards.sensitive:read.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer of the token endpoint.")
def token(whom: str, scope: str | None, *, as_json: bool) -> None:
    """Print a fresh access token of the running demo."""
    held = credentials.read(Path(os.environ.get("GATEWAY_DATA_DIR", "./var")))
    if held is None:
        raise click.ClickException(NO_DEMO)
    try:
        answer = tokens.fetch(held, tokens.Wanted(whom, scope))
    except tokens.TokenError as error:
        text = str(error)
        raise click.ClickException(f"{text[:1].upper()}{text[1:]}") from error
    click.echo(json_text(answer) if as_json else answer["access_token"])


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def code(*, as_json: bool) -> None:
    """Print the present one-time code of the demo's auditor, as an authenticator app would show it."""
    held = credentials.read(Path(os.environ.get("GATEWAY_DATA_DIR", "./var")))
    if held is None or held.console is None:
        raise click.ClickException(NO_DEMO)
    present = people.code_of(held.console)
    click.echo(json_text({"code": present}) if as_json else present)


def _run(port: int, *, as_json: bool) -> None:
    # The demo always brings its own database.
    os.environ.pop("GATEWAY_DATABASE_URL", None)
    with reserved("127.0.0.1", port) as listener:
        leave_on_sigterm()
        with session() as opened:
            scene, settings = _set_up(opened, address_of(listener))
            opened.database.dispose()
            text = json_text(guide.document(scene)) if as_json else guide.text(scene)
            serve(Serving(settings, opened.url, listener, default_workers(), on_ready=lambda: click.echo(text)))


def _set_up(opened: Session, url: str) -> tuple[guide.Scene, Settings]:
    issuer = opened.settings.issuer if os.environ.get("GATEWAY_ISSUER") else url
    try:
        held = load(opened, url=url, issuer=issuer)
    except NotADemoError as error:
        raise click.ClickException(f"{opened.settings.data_dir} {NOT_A_DEMO}") from error
    return guide.Scene(url, held.day, reference_of_the_owl(opened), held.console), replace(
        opened.settings, issuer=issuer
    )
