import json
from contextlib import nullcontext
from datetime import timedelta

import pytest
from click.testing import CliRunner
from support.factories import make_petition, make_signature
from support.retention import Clock, announce_and_wait, close_long_ago

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.petitions.cli import petitions
from petition.petitions.models import Petition
from petition.retention.cli import retention
from petition.retention.models import PetitionRetention
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.staff.restriction import restrict


@pytest.fixture
def run_command(app):
    groups = {"retention": retention, "petitions": petitions}
    return lambda group, *words: CliRunner().invoke(groups[group], words, obj=AppProvider(lambda: nullcontext(app)))


@pytest.fixture
def petition(app):
    petition = make_petition()
    confirm_signature(make_signature(petition))
    db.session.commit()
    return petition


def test_show_says_what_will_happen(run_command, petition):
    assert "No date yet" in run_command("retention", "show").output
    close_long_ago(petition, days=300)
    assert "1 signatures and 0 on paper will be anonymised" in run_command("retention", "show").output
    found = json.loads(run_command("retention", "show", "--json").output)
    assert found["settings"]["petition_keep_signatures"] == {"value": 12, "unit": "months"}
    [plan] = found["petitions"]
    assert (plan["petition"], plan["state"], plan["signatures"]) == ("jardin", "planned", 1)
    assert plan["due_at"] == plan["runs_at"]


def test_run_announces_and_a_month_later_anonymises(run_command, petition, monkeypatch):
    close_long_ago(petition)
    assert "Announced: 1. Petitions anonymised: 0." in run_command("retention", "run").output
    travel = Clock(monkeypatch)
    announce_and_wait(travel)
    assert "Petitions anonymised: 1." in run_command("retention", "run").output
    db.session.expire_all()
    assert db.session.query(Signature).one().name == ""
    assert "Anonymised on" in run_command("retention", "show").output


def test_postpone_and_hand_over(run_command, petition):
    close_long_ago(petition, days=300)
    until = (clock.now() + timedelta(days=300)).date().isoformat()
    result = run_command("retention", "postpone", "jardin", "--until", until, "--reason", "the answer is due")
    assert result.exit_code == 0, result.output
    db.session.expire_all()
    assert db.session.query(PetitionRetention).one().postponed_reason == "the answer is due"
    assert run_command("retention", "postpone", "jardin", "--until", "2020-01-01", "--reason", "x").exit_code == 1
    assert run_command("retention", "hand-over", "jardin").exit_code == 0
    db.session.expire_all()
    assert db.session.query(Petition).one().handed_over_at is not None
    assert "handed over" in run_command("petitions", "show", "jardin").output
    assert run_command("retention", "hand-over", "jardin", "--undo").exit_code == 0
    db.session.expire_all()
    assert db.session.query(Petition).one().handed_over_at is None


def test_show_says_what_is_kept_back(run_command, petition):
    restrict(db.session.query(Signature).one())
    close_long_ago(petition, days=300)
    assert "Use restricted, so kept back until that is lifted: 1 signatures." in run_command("retention", "show").output
    assert json.loads(run_command("retention", "show", "--json").output)["petitions"][0]["restricted"] == 1
