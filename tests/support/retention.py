"""Helpers for tests of retention: a clock to set, petitions that are due, a search for people in the whole database."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from petition.core import clock
from petition.core.db import db
from petition.retention.announcements import announce_due
from petition.retention.anonymise import anonymise_due
from petition.retention.schedule import NOTICE


def today() -> date:
    """Return the day it is where the tests' petitions are: another than in UTC late in the evening."""
    return clock.now().astimezone(ZoneInfo("Europe/Paris")).date()


class Clock:
    """The application's clock, moved by a number of days; the database's stays."""

    def __init__(self, monkeypatch):
        self.now, self.offset = clock.now, timedelta()
        monkeypatch.setattr(clock, "now", lambda: self.now() + self.offset)

    def move(self, **period):
        """Move the clock on."""
        self.offset += timedelta(**period)


class Backup:
    """A copy of every row, in a schema of its own, and the way back to it."""

    def __init__(self):
        db.session.commit()
        db.session.execute(text("DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup"))
        for table in db.metadata.sorted_tables:
            db.session.execute(text(f"CREATE TABLE backup.{table.name} AS TABLE {table.name}"))
        db.session.commit()

    def restore(self):
        """Put every row back as it was, as pg_restore does: no trigger runs."""
        names = [table.name for table in db.metadata.sorted_tables]
        db.session.rollback()
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        db.session.execute(text(f"TRUNCATE {', '.join(names)}"))
        for name in names:
            db.session.execute(text(f"INSERT INTO {name} SELECT * FROM backup.{name}"))
        db.session.execute(text("DROP SCHEMA backup CASCADE"))
        db.session.commit()
        db.session.expire_all()


def close_long_ago(petition, days=400):
    """Close a petition so long ago that its signatures are due."""
    petition.state, petition.closed_at = "closed", clock.now() - timedelta(days=days)
    db.session.commit()


def announce_and_wait(petition_clock):
    """Tell the team what is due, and let the notice pass."""
    announced = announce_due()
    petition_clock.move(days=NOTICE.days, minutes=1)
    return announced


def anonymise_all(petition_clock):
    """Announce what is due, wait, and anonymise it."""
    announce_and_wait(petition_clock)
    return anonymise_due(30)


def find_texts(words):
    """Return where any of these words stands, in whatever case, in any column of any table: `table.column: word`."""
    found = []
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(text(f"SELECT to_jsonb(t) AS row FROM {table.name} AS t")):
            for column, value in row.row.items():
                found += [f"{table.name}.{column}: {word}" for word in words if word.lower() in str(value).lower()]
    return sorted(set(found))


def count_rows(table):
    """Return how many rows a table has."""
    return db.session.scalar(text(f"SELECT count(*) FROM {table}"))


def at(*day):
    """Return a moment in UTC."""
    return datetime(*day, tzinfo=UTC)
