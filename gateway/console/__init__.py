"""The console of the security team: the access log on pages, and each look at it on record."""

from flask import Flask

from gateway.console import cases, entries, filters, members, overview, partners, policies, searching
from gateway.console.auditors import blueprint

__all__ = ["cases", "entries", "members", "overview", "partners", "policies", "register", "searching"]


def register(app: Flask) -> None:
    """Wire the console into the application."""
    filters.register(app)
    app.register_blueprint(blueprint)
