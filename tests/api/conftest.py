"""The API as schemathesis loads it from its own description."""

import pytest
import schemathesis
from support.settings import environment
from support.wakeups import ImmediateWakeups

from config import Config
from petition.app import create_app


@pytest.fixture(scope="session")
def api(database_url, redis_url):
    app = create_app(Config(environment(database_url, redis_url, PETITION_SIGN_LIMIT="1000000/minute")))
    app.extensions["petition.wakeup_thread"] = ImmediateWakeups()
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
