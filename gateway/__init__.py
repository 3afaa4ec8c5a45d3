"""The top floor: HTTP, OAuth, limits, the command line and the pages."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import envelope, observability, problems
from gateway.api import audit, disclosures, meta, model, platform, webmaster
from gateway.oauth import views as oauth
from gateway.runtime import Runtime
from gateway.settings import Settings
from partners.database import connect
from partners.keyring import Keyring


def create_app(settings: Settings, database_url: str) -> Flask:
    """Wire the gateway over the PostgreSQL at `database_url`, which `gateway db upgrade` has prepared."""
    app = Flask(__name__, static_folder=None)
    app.config["ISSUER"] = settings.issuer
    app.extensions["runtime"] = Runtime(settings, Keyring(settings.secret_key), connect(database_url))
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    envelope.register(app)
    observability.register(app)
    problems.register(app)
    oauth.register(app)
    for blueprint in (
        webmaster.blueprint,
        model.blueprint,
        platform.blueprint,
        disclosures.blueprint,
        audit.blueprint,
        meta.blueprint,
    ):
        app.register_blueprint(blueprint)
    return app
