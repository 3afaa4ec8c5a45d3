"""The options that say where to listen."""

import click

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
port_option = click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
