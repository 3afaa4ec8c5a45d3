"""The console of the security team: the access log on pages, and each look at it on record."""

from flask import Flask

from gateway.console import (  # noqa: F401 - each has its pages on the blueprint
    alerts,
    cases,
    entries,
    exports,
    filters,
    members,
    overview,
    partners,
    policies,
    saved,
    searching,
)
from gateway.console.auditors import blueprint


def register(app: Flask) -> None:
    """Wire the console into the application."""
    filters.register(app)
    app.register_blueprint(blueprint)
