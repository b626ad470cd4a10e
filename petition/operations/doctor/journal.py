"""Check that the erasure journal gets to its file, without which a restored backup brings back who left."""

import os

import psycopg
from flask import current_app

from petition.backups.journal import Lag, journal_path
from petition.backups.queries import LAG_SQL
from petition.core.i18n import N_
from petition.operations.doctor.database import connect
from petition.operations.doctor.findings import Finding, ok, warning, wrong

CHECK = "journal"
WARNING_SECONDS = 60.0  # it is written every five seconds


def check_journal() -> list[Finding]:
    """Return whether entries wait, which the database knows, and whether the file is where the setting says.

    Only the maintenance worker needs the setting, so that a process without it says nothing about the file.
    """
    try:
        with connect(current_app.config["DATABASE_URL"]) as connection:
            row = connection.execute(LAG_SQL.text).fetchone() or {}
    except psycopg.Error:
        text = N_("Not known whether the erasure journal is written: the database does not answer.")
        return [warning(CHECK, text, N_("Correct first what is said about the database."))]
    lag, path = Lag(**row), journal_path()
    if lag.seconds > WARNING_SECONDS:
        text = N_("The erasure journal is behind: %(waiting)s entries wait, the first for %(minutes)s min.")
        advice = N_(
            "Set PETITION_JOURNAL for the maintenance worker to a file that it can write, beside the backups, and see "
            "that this worker runs. Until then a restored backup would bring these people back."
        )
        return [wrong(CHECK, text, advice, waiting=lag.waiting, minutes=max(1, round(lag.seconds / 60)))]
    if path is not None and path.exists() and os.stat(path).st_mode & 0o007:
        text = N_("The erasure journal %(file)s can be read by every user of this host.")
        return [warning(CHECK, text, N_("Take it away from others: chmod 600 on it."), file=path)]
    return [ok(CHECK, N_("The erasure journal is up to date."))]
