"""Dropping a secret key never empties the suppression list silently."""

from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from conftest import environment

from config import Config
from petition.app import create_app
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.core.hashing import HASH_CHARACTERS, key_tag
from petition.core.health import StartRefused, require_database
from petition.delivery.suppressions import keys
from petition.delivery.suppressions.suppression_list import find_by_address, hash_address, suppress, suppress_hash
from petition.operations.cli.suppressions import suppressions
from petition.team.models import AuditEvent

OLD_KEY, NEW_KEY = "an-old-key-for-tests-that-is-long-enough", "a-new-key-for-tests-that-is-long-enough"


@pytest.fixture
def rotate(app, monkeypatch):
    """Return a function that changes the secret keys."""

    def change(*fallbacks):
        monkeypatch.setitem(app.config, "SECRET_KEY", NEW_KEY)
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", list(fallbacks))

    return change


@pytest.fixture
def run(app):
    provider = AppProvider(lambda: nullcontext(app))
    return lambda *arguments: CliRunner().invoke(suppressions, arguments, obj=provider, catch_exceptions=False)


def test_process_does_not_start_without_the_key_of_suppressed_addresses(app, monkeypatch, database_url, redis_url):
    monkeypatch.setitem(app.config, "SECRET_KEY", OLD_KEY)
    suppress("zoe@example.org", "complained")
    db.session.commit()

    def start(**settings):
        require_database(create_app(Config(environment(database_url, redis_url, SECRET_KEY=NEW_KEY, **settings))))

    with pytest.raises(StartRefused) as refused:
        start()
    line = str(refused.value)
    assert line.startswith("SECRET_KEY_FALLBACKS: 1 suppressed addresses")
    assert "\n" not in line
    assert OLD_KEY not in line
    start(SECRET_KEY_FALLBACKS=OLD_KEY)


def test_entries_are_counted_by_key_and_found_under_each(app, rotate, run):
    old_key = app.config["SECRET_KEY"]
    suppress("zoe@example.org", "complained")
    rotate(old_key)
    suppress("ann@example.org", "complained")
    db.session.commit()
    assert keys.count_by_key() == {key_tag(old_key): 1, key_tag(NEW_KEY): 1}
    assert find_by_address("zoe@example.org")
    assert keys.count_lost() == {}
    shown = run("keys").stdout
    assert "SECRET_KEY_FALLBACKS, number 1" in shown
    rotate()
    assert keys.count_lost() == {key_tag(old_key): 1}
    assert "not configured" in run("keys").stdout


def test_entry_of_an_earlier_version_is_found(app):
    untagged = hash_address("zoe@example.org")[-1]
    assert len(untagged) == HASH_CHARACTERS
    assert set(untagged) <= set("0123456789abcdef")
    suppress_hash(untagged, "complained")
    assert find_by_address("zoe@example.org")
    assert keys.count_by_key() == {keys.UNTAGGED: 1}
    keys.require_keys()


def test_lost_key_is_given_up_by_command(app, rotate, run):
    old_tag = key_tag(app.config["SECRET_KEY"])
    suppress("zoe@example.org", "complained")
    db.session.commit()
    assert run("drop-key", old_tag, "--yes").exit_code == 1, "the key is configured"
    rotate()
    suppress("ann@example.org", "complained")
    db.session.commit()
    assert run("drop-key", old_tag).exit_code == 1, "it asks"
    assert "1 addresses were taken off" in run("drop-key", old_tag, "--yes").stdout
    assert keys.count_by_key() == {key_tag(NEW_KEY): 1}
    (event,) = db.session.query(AuditEvent)
    assert (event.action, event.after) == ("suppression.key_dropped", {"key": old_tag, "addresses": 1})
