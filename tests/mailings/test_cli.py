"""The `petition mailings` commands."""

from contextlib import nullcontext

from click.testing import CliRunner
from support.factories import make_mailing, make_petition

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.mailings.cli import mailings


def test_no_transaction_is_open_while_the_command_asks(app, monkeypatch):
    mailing, seen = make_mailing(make_petition()), []
    monkeypatch.setattr("click.confirm", lambda *_, **__: seen.append(db.session.registry().in_transaction()))
    result = CliRunner().invoke(mailings, ["send", str(mailing.id)], obj=AppProvider(lambda: nullcontext(app)))
    assert seen == [False]
    assert "test" in result.output, "no test email has been sent"
