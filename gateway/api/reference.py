"""What partners' engineers read: the API's description, a reference made of it, and what each problem means."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import orjson
from flask import Blueprint, Flask, Response, current_app, render_template, request, send_from_directory
from markupsafe import Markup, escape

from gateway.description import describe
from gateway.http import codes
from gateway.http.envelope import JSON
from gateway.http.problems import not_found

FRESH_S = 300
OWN = Path(__file__).parents[1] / "pages"
SWAGGER_UI = Path(str(files("flask_swagger_ui") / "dist"))
ASSETS: Mapping[str, Path] = {
    "account.css": OWN,
    "console.css": OWN,
    "page.css": OWN,
    "reference.js": OWN,
    "swagger-ui.css": SWAGGER_UI,
    "swagger-ui-bundle.js": SWAGGER_UI,
}
"""What pages load, all of it from here."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("reference", __name__, template_folder=OWN)


@blueprint.get("/v1/openapi.json")
def description() -> Response:
    """Describe the API in OpenAPI 3.1."""
    body: bytes = current_app.extensions["description"].body
    response = Response(body, content_type=JSON)
    response.headers["Cache-Control"] = f"public, max-age={FRESH_S}"
    response.set_etag(hashlib.sha256(body).hexdigest()[:24])
    response.make_conditional(request)
    return response


@blueprint.get("/docs")
def reference() -> Response:
    """Show the description as a page."""
    return _page("reference.html")


@blueprint.get("/docs/problems")
def problems() -> Response:
    """Say what each problem means; the `type` of a problem leads here."""
    return _page("problems.html")


@blueprint.get("/docs/assets/<name>")
def asset(name: str) -> Response:
    """Serve what a page loads."""
    if name not in ASSETS:
        raise not_found()
    return send_from_directory(ASSETS[name], name, max_age=FRESH_S)


@blueprint.app_template_filter("in_code")
def in_code(text: str) -> Markup:
    """Set what stands in backticks as code."""
    parts = (escape(part) for part in text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


class Description:
    """The document of one application, made when it is first asked for."""

    def __init__(self, app: Flask) -> None:
        """Take the application, whose routes are complete by the first request."""
        self._app = app
        self._body = b""

    @property
    def body(self) -> bytes:
        """The document as JSON."""
        if not self._body:
            self._body = orjson.dumps(describe(self._app, self._app.config["ISSUER"]))
        return self._body


def register(app: Flask) -> None:
    """Wire description and pages into the application."""
    app.extensions["description"] = Description(app)
    app.register_blueprint(blueprint)


def _page(template: str) -> Response:
    response = Response(render_template(template, codes=codes), content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={FRESH_S}"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
