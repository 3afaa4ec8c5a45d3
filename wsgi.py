"""The application for any WSGI server; it needs `GATEWAY_DATABASE_URL`, and `gateway serve` sets it."""

import os

from gateway import recovery, settings
from gateway.application import create_app
from serializers.statements import render_usual

held, url = settings.read(), os.environ["GATEWAY_DATABASE_URL"]
recovery.before_serving(held, url)
app = create_app(held, url)
render_usual(telling=held.spool_dir is not None)
