"""The web application, for any WSGI server: `gunicorn wsgi:app`."""

import gc
import sys

from config import Config
from petition.app import create_app
from petition.core.health import StartRefused, require_database
from petition.core.settings.checks import BadSetting
from petition.operations.web_requests import count_requests

try:
    app = create_app(Config())
    require_database(app, waits_for_schema=True)
    count_requests(app)
except (BadSetting, StartRefused) as error:
    sys.exit(f"petition: {error}")

# With gunicorn's --preload, the processes share the memory of this one. The garbage collector writes to each object
# that it examines, which would copy 36 MB per process: exempt all objects created so far.
gc.collect()
gc.freeze()
