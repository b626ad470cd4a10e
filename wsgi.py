"""The web application, for any WSGI server: `gunicorn wsgi:app`."""

import sys

from config import BadSetting, Config
from petition import create_app

try:
    app = create_app(Config())
except BadSetting as problem:
    sys.exit(f"petition: {problem}")
