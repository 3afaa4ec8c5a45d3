"""Options that several commands share."""

import click

from partners.secrets import DEFAULT_OVERLAP

LONGEST_OVERLAP_DAYS = 90
host_option = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
port_option = click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
overlap_option = click.option(
    "--overlap",
    type=click.IntRange(0, LONGEST_OVERLAP_DAYS),
    default=DEFAULT_OVERLAP.days,
    show_default=True,
    metavar="DAYS",
    help="For how many days the former secret works beside the new one.",
)
