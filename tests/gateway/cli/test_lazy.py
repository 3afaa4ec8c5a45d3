"""A command imports what it needs itself, and listing the commands imports none of them."""

import subprocess
import sys

import click
import pytest

from gateway.cli import COMMANDS, main

SLOW = {"alembic", "flask", "gunicorn", "httpx", "sqlalchemy", "structlog"}
"""Libraries that take long to import."""
DATABASE = {"sqlalchemy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--help"], set()),
        (["demo", "token", "--help"], set()),
        (["partners", "list", "--help"], DATABASE),
        (["audit", "verify", "--help"], DATABASE),
        (["ingest", "--help"], DATABASE),
        (["audit", "seal", "--help"], {*DATABASE, "structlog"}),
        (["audit", "push", "--help"], {*DATABASE, "structlog", "httpx"}),
    ],
)
def test_a_command_imports_no_more_than_it_needs(arguments: list[str], needed: set[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gateway.cli", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = {line.rsplit("|", 1)[1].strip() for line in told.stderr.splitlines() if line.startswith("import time:")}

    assert imported & SLOW == needed


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_each_command_what_it_says_of_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.help is not None
    assert " ".join(command.help.split()).startswith(COMMANDS[name].removesuffix("."))
