"""Serving the demo: its database filled where it is new, and the lines that work printed."""

import os
from dataclasses import replace
from pathlib import Path

import click

from gateway.cli.output import json_text
from gateway.cli.serve import default_workers, leave_on_sigterm, reserved
from gateway.cli.session import Session, session
from gateway.demo import credentials, guide
from gateway.demo.loading import NotADemoError, load, reference_of_the_owl
from gateway.serving.server import Serving, address_of, serve
from gateway.settings import SETTINGS, Settings, data_dir_of

TAKEN = ("GATEWAY_DATA_DIR", "GATEWAY_ISSUER", "GATEWAY_OPERATOR", "GATEWAY_TESTING", "GATEWAY_NOW")
"""The settings of its environment that a demo takes: none of them leads to anything of another gateway's."""
KEPT_BESIDE_A_DATABASE = ("access-log", "journal")
"""What a gateway keeps in its data directory, wherever its database is."""
NOT_A_DEMO = (
    "is that of a gateway that is no demo; set GATEWAY_DATA_DIR to an empty one, and GATEWAY_DATABASE_URL to nothing."
)


def run(port: int, *, as_json: bool) -> None:
    """Serve it on this port until SIGTERM or SIGINT."""
    data_dir = data_dir_of()
    if _is_anothers(data_dir):
        raise _not_a_demo(data_dir)
    _leave_the_rest()
    with reserved("127.0.0.1", port) as listener:
        leave_on_sigterm()
        with session() as opened:
            scene, settings = _set_up(opened, address_of(listener))
            opened.database.dispose()
            text = json_text(guide.document(scene)) if as_json else guide.text(scene)
            serve(Serving(settings, opened.url, listener, default_workers(), on_ready=lambda: click.echo(text)))


def _is_anothers(data_dir: Path) -> bool:
    """Whether a gateway whose database is elsewhere has this directory."""
    if (data_dir / credentials.FILE).exists():
        return False
    if os.environ.get("GATEWAY_DATABASE_URL") and os.environ.get("GATEWAY_DATA_DIR"):
        return True
    # Of an embedded database its partners tell.
    return not (data_dir / "postgres").exists() and any((data_dir / name).exists() for name in KEPT_BESIDE_A_DATABASE)


def _leave_the_rest() -> None:
    """Forget the settings of a gateway in production: its database, journal, spool, secret key, Redis and demands."""
    left = [each.name for each in SETTINGS if each.name not in TAKEN and os.environ.pop(each.name, "")]
    if left:
        click.echo(f"Left aside, and to be unset where the lines are pasted: {', '.join(left)}.", err=True)


def _not_a_demo(data_dir: Path) -> click.ClickException:
    return click.ClickException(f"The data directory {data_dir} {NOT_A_DEMO}")


def _set_up(opened: Session, url: str) -> tuple[guide.Scene, Settings]:
    issuer = opened.settings.issuer if os.environ.get("GATEWAY_ISSUER") else url
    try:
        held = load(opened, url=url, issuer=issuer)
    except NotADemoError as error:
        raise _not_a_demo(opened.settings.data_dir) from error
    return guide.Scene(url, held.day, reference_of_the_owl(opened), held.console), replace(
        opened.settings, issuer=issuer
    )
