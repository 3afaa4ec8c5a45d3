"""`gateway demo`: a gateway with sample data and partners of every kind, and tokens to try it with."""

import click

from gateway.cli.lazy import Lazy, loaded
from gateway.cli.options import port_option

PLACES = {"code": "gateway.cli.demo_code:code", "token": "gateway.cli.demo_token:token"}
"""Where each command is."""


@click.group("demo", cls=Lazy, places=PLACES, invoke_without_command=True)
@port_option
@click.option("--json", "as_json", is_flag=True, help="Print the lines as one JSON document.")
@click.pass_context
def command(context: click.Context, port: int, *, as_json: bool) -> None:
    """Serve a gateway with sample data, and print curl lines that work.

    Everything is kept in the data directory; started again, the demo goes on where it was.
    """
    if context.invoked_subcommand is None:
        run = loaded("gateway.cli.demo_run:run")
        run(port, as_json=as_json)
