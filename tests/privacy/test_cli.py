"""`petition requests …` does what the desk does."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from support.factories import make_petition, make_signature

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.privacy.cli import requests
from petition.privacy.models import PersonRequest
from petition.signatures.models import Signature


@pytest.fixture
def run(app):
    """Return a function that runs a command and returns its result."""

    def run_command(*arguments, **options):
        provider = AppProvider(lambda: nullcontext(app))
        return CliRunner().invoke(requests, arguments, obj=provider, catch_exceptions=False, **options)

    return run_command


def test_a_request_is_recorded_listed_exported_and_performed(run, tmp_path):
    make_signature(make_petition(), state="confirmed")
    assert run("list").stdout == "No request is open.\n"
    # The address is asked for, and stands in no command line.
    recorded = run("record", "--kind", "erase", "--channel", "phone", input="zoe@example.org\n")
    assert "signature 1: jardin, confirmed" in recorded.stdout
    number = str(db.session.query(PersonRequest.id).scalar())
    assert json.loads(run("list", "--json").stdout)[0]["kind"] == "erase"
    assert "zoe@example.org" in run("list").stdout
    file = tmp_path / "zoe.json"
    assert run("export", number, str(file)).exit_code == 0
    assert json.loads(file.read_text())["signatures"][0]["email"] == "zoe@example.org"
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("export", number, str(file)).exit_code == 1, "nothing is written over"
    assert run("perform", number, input="n\n").exit_code == 1
    assert db.session.query(Signature).count() == 1
    assert "erased 1" in run("perform", number, "--yes").stdout
    assert db.session.query(Signature).count() == 0
    assert "closed already" in run("perform", number, "--yes").output


def test_a_request_is_extended_and_refused_with_a_reason(run):
    run("record", "--kind", "access", "--received", "2020-01-01", "--address", "zoe@example.org")
    assert db.session.query(PersonRequest).count() == 0, "too long ago"
    run("record", "--kind", "access", "--address", "zoe@example.org")
    number = str(db.session.query(PersonRequest.id).scalar())
    assert "To be answered by" in run("extend", number, "--reason", "many petitions").stdout
    assert "Refused" in run("refuse", number, "--reason", "it was not them").stdout
    assert run("refuse", "77", "--reason", "x").exit_code == 1
