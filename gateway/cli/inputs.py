"""The standard input, where a command may read it in the place of a file."""

import sys

import click


def check_input(file: object) -> None:
    """Refuse `-` where the standard input was closed."""
    if file == "-" and sys.stdin is None:
        raise click.ClickException("The standard input is closed, and there is nothing to read.")
