"""Pages for people of partners: signing in, allowing a tool, and taking that back."""

from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from gateway.account import consent, grants, set_up, sign_in
from gateway.account.pages import blueprint, no_page

__all__ = ["consent", "grants", "register", "set_up", "sign_in"]


def register(app: Flask) -> None:
    """Wire the pages into the application."""
    app.register_blueprint(blueprint)
    app.register_error_handler(NotFound, no_page)
    app.register_error_handler(MethodNotAllowed, no_page)
