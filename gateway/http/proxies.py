"""The caller's address and scheme behind reverse proxies: what the outermost of the known ones wrote of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class BehindProxies:
    """Takes the address from `X-Forwarded-For` and the scheme from `X-Forwarded-Proto`, so many hops from the end.

    Each proxy adds the address that it saw, so an address with fewer hops is none. Of schemes there may be fewer: many
    proxies leave the header as it comes. Werkzeug's own reading of the address falls back to the proxy's where the
    header cannot be read, which a caller can see to with a quotation mark: an allow-list that names the proxy's network
    would then let everybody in.
    """

    def __init__(self, app: "WSGIApplication", proxies: int) -> None:
        """Take the application and how many proxies stand before it."""
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer with the environment put right; an address that is not there belongs to no network."""
        hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        environ["REMOTE_ADDR"] = hops[-self._proxies].strip() if len(hops) >= self._proxies else ""
        outermost = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")[-self._proxies :][0].strip().lower()
        if outermost in {"http", "https"}:
            environ["wsgi.url_scheme"] = outermost
        return self._app(environ, start_response)
