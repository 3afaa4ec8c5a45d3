"""The application for any WSGI server; it needs `GATEWAY_DATABASE_URL`, and `gateway serve` sets it."""

import os

from gateway import create_app, settings

app = create_app(settings.read(), os.environ["GATEWAY_DATABASE_URL"])
