"""Serving the demo: its database filled where it is new, and the lines that work printed."""

import os
from dataclasses import replace

import click

from gateway.cli.output import json_text
from gateway.cli.serve import default_workers, leave_on_sigterm, reserved
from gateway.cli.session import Session, session
from gateway.demo import guide
from gateway.demo.loading import NotADemoError, load, reference_of_the_owl
from gateway.serving.server import Serving, address_of, serve
from gateway.settings import Settings

NOT_A_DEMO = "holds a gateway with partners of its own; set GATEWAY_DATA_DIR to an empty directory for the demo."


def run(port: int, *, as_json: bool) -> None:
    """Serve it on this port until SIGTERM or SIGINT."""
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
