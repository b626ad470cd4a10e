"""Look at the mail server without sending anything."""

import smtplib
import time

from flask import current_app
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.delivery.smtp.connection import Connection
from petition.delivery.smtp.responses import sanitize_response
from petition.operations.models import Probe

MAIL_SERVER = "mail server"


def probe_mail_server() -> None:
    """Connect, log in, NOOP, and note what came of it. Flushes, does not commit."""
    began = time.monotonic()
    ok, words = _probe()
    record_probe(MAIL_SERVER, ok, words, round((time.monotonic() - began) * 1000))


def _probe() -> tuple[bool, str]:
    try:
        host = Connection(current_app.extensions["mail"]).configure_host()
        code, words = host.noop()
        host.quit()
    except (OSError, smtplib.SMTPException) as error:
        return False, sanitize_response(f"{type(error).__name__}: {error}")
    return code == 250, sanitize_response(f"{code} {words.decode('utf-8', 'replace')}")


def record_probe(name: str, ok: bool, words: str, milliseconds: int) -> None:
    """Keep what a look found; the last one counts. Flushes, does not commit."""
    row = {"ok": ok, "response": words[:200], "milliseconds": milliseconds}
    statement = insert(Probe).values(name=name, **row)
    db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={**row, "at": func.now()}))
