"""Whether the team's sign-in provider can be used, recorded as a probe, so that operators know before members do.

The probe's value is how many times in a row it could not.
"""

import time

from flask import current_app

from petition.core.db import db
from petition.operations.models import Probe
from petition.operations.probes.results import record_probe
from petition.team.auth.provider.client import find_trouble

SIGN_IN_PROVIDER = "sign-in provider"
MIN_FAILURES = 2  # from which on it is reported: a provider that restarts is no news


def check_sign_in_provider() -> None:
    """Read the provider's configuration, as a sign-in does; nothing without a provider. Flushes, does not commit."""
    if not current_app.config["PETITION_OIDC_ISSUER"]:
        return
    began = time.monotonic()
    trouble = find_trouble()
    last = db.session.get(Probe, SIGN_IN_PROVIDER, populate_existing=True)
    failures = ((last.value if last else 0) or 0) + 1 if trouble else 0
    milliseconds = round((time.monotonic() - began) * 1000)
    record_probe(SIGN_IN_PROVIDER, failures < MIN_FAILURES, trouble, milliseconds, failures)
