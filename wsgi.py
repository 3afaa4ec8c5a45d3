"""The application for any WSGI server; it needs `GATEWAY_DATABASE_URL` and `GATEWAY_SECRET_KEY`.

Sealing, detections and partitions go on within `gateway serve` alone: docs/operations.md, "Under a server of your own".
"""

from gateway import recovery, settings
from gateway.application import create_app
from serializers.statements import render_usual

settings.refuse_unsafe_production()
held = settings.read()
if held.database_url is None:
    raise settings.SettingsError("GATEWAY_DATABASE_URL must be set: `gateway serve` alone brings a database along")
recovery.before_serving(held, held.database_url)
app = create_app(held, held.database_url)
render_usual(telling=held.spool_dir is not None)
