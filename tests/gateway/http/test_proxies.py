"""What is believed of a caller behind reverse proxies."""

import pytest
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Request, Response

from gateway.http.proxies import BehindProxies


@pytest.mark.parametrize(
    ("proxies", "told", "scheme"),
    [
        (1, None, "http"),
        (1, "https", "https"),
        (1, "https, http", "http"),
        (2, "https", "https"),
        (2, "https, http", "https"),
        (2, "https, http, http", "http"),
        (2, "HTTPS", "https"),
        (1, "ftp", "http"),
        (1, "", "http"),
    ],
)
def test_the_scheme_is_the_outermost_known_proxy_s(proxies: int, told: str | None, scheme: str) -> None:
    """Some proxies add what they saw of it, others leave it as it comes."""
    headers = {} if told is None else {"X-Forwarded-Proto": told}
    seen = BehindProxies(Request.application(lambda request: Response(request.scheme)), proxies)

    body, _, _ = run_wsgi_app(seen, create_environ("/", headers=headers))

    assert b"".join(body).decode() == scheme
