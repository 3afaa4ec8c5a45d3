"""`gateway demo token`: a token of a partner of the demo."""

import click

from gateway.cli.demo_held import held
from gateway.cli.output import json_text
from gateway.demo import tokens


@click.command()
@click.argument("whom", metavar="webmaster:ID|model:ID|platform|auditor")
@click.option("--scope", help="Scopes, separated by blanks; by default all but cards.sensitive:read.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer of the token endpoint.")
def token(whom: str, scope: str | None, *, as_json: bool) -> None:
    """Print a fresh access token of the running demo."""
    try:
        answer = tokens.fetch(held(), tokens.Wanted(whom, scope))
    except tokens.TokenError as error:
        text = str(error)
        raise click.ClickException(f"{text[:1].upper()}{text[1:]}") from error
    click.echo(json_text(answer) if as_json else answer["access_token"])
