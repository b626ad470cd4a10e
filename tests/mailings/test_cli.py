"""The `petition mailings` commands."""

from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from flask_babel import force_locale
from support.factories import make_mailing, make_petition
from support.mailings import list_addresses, make_consenting_signature, record_sent_tests, send_mailing

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.mailings.cli import mailings


def test_no_transaction_is_open_while_the_command_asks(app, monkeypatch):
    petition, seen = make_petition(), []
    make_consenting_signature(petition)
    mailing = make_mailing(petition, state="tested")
    record_sent_tests(mailing)
    monkeypatch.setattr("click.confirm", lambda *_, **__: seen.append(db.session.registry().in_transaction()))
    result = CliRunner().invoke(mailings, ["send", str(mailing.id)], obj=AppProvider(lambda: nullcontext(app)))
    assert seen == [False]
    assert "Scheduled" in result.output


def test_command_refuses_before_it_asks(app, monkeypatch):
    petition = make_petition()
    monkeypatch.setattr("click.confirm", lambda *_, **__: pytest.fail("it asked"))
    untested, nobody = make_mailing(petition, state="tested"), make_mailing(petition, state="tested")
    record_sent_tests(nobody)
    for mailing, why in ((make_mailing(petition), "draft"), (untested, "test it again"), (nobody, "no recipient")):
        with force_locale("en"):
            result = CliRunner().invoke(mailings, ["send", str(mailing.id)], obj=AppProvider(lambda: nullcontext(app)))
        assert why in result.output


def test_add_recipients_reaches_those_who_confirmed_since(app, sent_emails):
    petition = make_petition()
    mailing, _ = send_mailing(petition, sent_emails)
    make_consenting_signature(petition, "later@example.org")
    result = CliRunner().invoke(
        mailings, ["add-recipients", str(mailing.id)], obj=AppProvider(lambda: nullcontext(app))
    )
    assert "new recipients: 1." in result.output
    run_queue("mailings")
    assert list_addresses(sent_emails) == ["later@example.org"]


def test_report_says_what_was_sent_and_when(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition)
    mailing, _ = send_mailing(petition, sent_emails)
    output = CliRunner().invoke(mailings, ["report", str(mailing.id)], obj=AppProvider(lambda: nullcontext(app))).output
    for said in (f"fr: {mailing.texts['fr'].subject}", "began 2", "1 of 1", "signatures: "):
        assert said in output
