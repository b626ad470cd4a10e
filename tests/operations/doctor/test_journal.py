"""The doctor on the erasure journal: behind, readable by others, up to date."""

import pytest
from support.factories import make_petition, make_signature, sign_in

from petition.backups import journal, tasks
from petition.core.db import db
from petition.operations.doctor.findings import Level
from petition.operations.doctor.journal import check_journal
from petition.signatures.personal import self_service


@pytest.fixture
def waiting(app):
    self_service.withdraw(make_signature(make_petition(), state="confirmed"))
    db.session.execute(db.text("UPDATE erasure_journal SET at = now() - interval '7 minutes'"))
    db.session.commit()


def test_a_journal_that_is_behind_is_wrong_and_says_the_next_step(app, waiting):
    (finding,) = check_journal()
    assert finding.level == Level.WRONG
    assert finding.message() == "The erasure journal is behind: 1 entries wait, the first for 7 min."
    assert "PETITION_JOURNAL" in finding.next_step()


def test_one_that_is_written_is_fine_and_one_that_others_read_is_not(app, waiting, monkeypatch, tmp_path):
    file = tmp_path / "journal"
    monkeypatch.setitem(app.config, "PETITION_JOURNAL", file)
    tasks.run_write_journal()
    assert [finding.level for finding in check_journal()] == [Level.OK]
    file.chmod(0o644)
    assert [finding.level for finding in check_journal()] == [Level.WARNING]


def test_the_dashboard_says_that_it_is_behind(client, waiting):
    sign_in(client, "operator")
    assert "entry waits to be written" in client.get("/ops/?lang=en").text
    db.session.execute(db.text("UPDATE erasure_journal SET written_at = now()"))
    db.session.commit()
    assert journal.read_lag().waiting == 0
    assert "Erasure journal</dt><dd>up to date" in client.get("/ops/?lang=en").text
