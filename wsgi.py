"""The application for any WSGI server; it needs `GATEWAY_DATABASE_URL` and `GATEWAY_SECRET_KEY`."""

import os

from gateway import recovery, settings
from gateway.application import create_app
from serializers.statements import render_usual

settings.refuse_unsafe_production()
held, url = settings.read(), os.environ["GATEWAY_DATABASE_URL"]
recovery.before_serving(held, url)
app = create_app(held, url)
render_usual(telling=held.spool_dir is not None)
