"""The application: settings become a Flask with everything wired to it; wiring only."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter

from gateway import account, console, spooling
from gateway.api import (
    alerts,
    archives,
    audit,
    audit_export,
    audit_proofs,
    audit_stream,
    disclosures,
    events,
    meta,
    model,
    platform,
    reference,
    statistics,
    webmaster,
)
from gateway.http import envelope, limits, patience, problems
from gateway.http.proxies import BehindProxies
from gateway.http.routing import MatchedRule
from gateway.oauth import views as oauth
from gateway.observability import request_lines
from gateway.runtime import Runtime
from gateway.settings import Settings
from partners.keyring import Keyring
from partners.postgres.database import Database, connect

_NO_SESSION = NullSession()


class _NoSessions(SessionInterface):
    """Pages keep their own sessions, in the database."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin:  # noqa: ARG002 - Flask's own signature
        """Return the session that cannot be written to, the same for all."""
        return _NO_SESSION


class _Gateway(Flask):
    """A Flask without coroutines, sessions and virtual hosts, which would be looked for at each request."""

    session_interface = _NoSessions()
    url_rule_class = MatchedRule

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match paths whatever the host is called; a path that is sent elsewhere stays within the issuer's address."""
        if request is None:
            return None
        at, environ = self.config["AT"], request.environ
        if "%2f" in (environ.get("RAW_URI") or environ.get("REQUEST_URI", "")).partition("?")[0].lower():
            # It is no separator (RFC 3986 §2.2), and nothing here has one in its name.
            raise NotFound
        # WSGI gives the bytes of a path as Latin-1 (PEP 3333).
        path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
        return MapAdapter(self.url_map, at.netloc, request.root_path, "", at.scheme, path, method, query)


def create_app(settings: Settings, at: str | Database) -> Flask:
    """Wire the gateway over a PostgreSQL, told by its URL or by engines, which `gateway db upgrade` has prepared."""
    app = _Gateway(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    app.config["ISSUER"], app.config["AT"] = settings.issuer, urlsplit(settings.issuer)
    database = connect(at) if isinstance(at, str) else at
    own_limits = limits.PartnersOwn(database.write)
    app.extensions["runtime"] = Runtime(settings, Keyring(settings.secret_key), database, own_limits)
    if settings.proxies:
        app.wsgi_app = BehindProxies(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]
    envelope.register(app)
    patience.register(app)
    request_lines.register(app)
    problems.register(app)
    spooling.register(app)
    limits.register(app, settings)
    oauth.register(app)
    account.register(app)
    console.register(app)
    for blueprint in (
        webmaster.blueprint,
        statistics.blueprint,
        model.blueprint,
        platform.blueprint,
        archives.blueprint,
        events.blueprint,
        disclosures.blueprint,
        audit.blueprint,
        audit_export.blueprint,
        audit_proofs.blueprint,
        audit_stream.blueprint,
        alerts.blueprint,
        meta.blueprint,
    ):
        app.register_blueprint(blueprint)
    reference.register(app)
    return app
