"""The web application, for any WSGI server: `gunicorn wsgi:app`."""

import gc
import sys

from config import BadSetting, Config
from petition.app import create_app
from petition.core.exceptions import DomainError
from petition.core.health import require_database

try:
    app = create_app(Config())
    require_database(app)
except (BadSetting, DomainError) as problem:
    sys.exit(f"petition: {problem}")

# What was made at the start stays: the collector need not look through it, which would part the memory that processes
# forked from this one share (36 MB for each).
gc.collect()
gc.freeze()
