"""Ids after a restore, and the names of the database commands."""

from support.factories import make_petition

from petition.commands import database
from petition.core import migrations, schema
from petition.core.db import db


def test_ids_after_a_restore_are_beyond_those_already_mailed(app):
    before = make_petition(slug="before").id
    assert migrations.skip_ids() > 10
    db.session.commit()
    assert make_petition(slug="after").id > before + migrations.SKIPPED_IDS


def test_database_is_at_the_head_revision(app):
    assert migrations.read_schema().revision == schema.head_revision()


def test_database_commands_have_the_documented_names():
    assert set(database.commands) == {"upgrade", "skip-ids", "make-migration", "prepare"}
