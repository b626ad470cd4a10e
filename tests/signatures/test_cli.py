"""`petition signatures change-address` does what the desk does."""

from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from support.factories import make_petition, make_signature

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.signatures.cli import signatures
from petition.signatures.request_models import AddressChange
from petition.team.models import AuditEvent


@pytest.fixture
def change(app):
    """Return a function that runs the command; the address is typed where it is asked for."""

    def run(number, typed, reason="letter of 3 March"):
        arguments = ["change-address", str(number), "--reason", reason]
        return CliRunner().invoke(signatures, arguments, obj=AppProvider(lambda: nullcontext(app)), input=f"{typed}\n")

    return run


def test_the_owner_of_the_new_address_is_asked_to_confirm_it(change, sent_emails):
    signature = make_signature(make_petition(), state="confirmed")
    db.session.query(Delivery).delete()
    db.session.commit()
    ended = change(signature.id, "zoe@example.net")
    assert ended.exit_code == 0, ended.output
    assert "has been asked to confirm" in ended.stdout
    run_queue("confirmations")
    assert [email.recipients for email in sent_emails] == [["zoe@example.net"]]
    event = db.session.query(AuditEvent).filter_by(action="signature.address_given").one()
    assert (event.subject_id, event.after["reason"]) == (str(signature.id), "letter of 3 March")


@pytest.mark.parametrize(
    ("state", "typed", "reason"),
    [
        ("pending", "zoe@example.net", "letter"), ("confirmed", "nobody", "letter"),
        ("confirmed", "zoe@example.net", "asked by zoe@example.org"),
    ],
)  # fmt: skip
def test_what_the_desk_refuses_is_refused(change, state, typed, reason):
    signature = make_signature(make_petition(), state=state)
    db.session.query(Delivery).delete()
    db.session.commit()
    assert change(signature.id, typed, reason).exit_code == 1
    db.session.rollback()
    assert db.session.query(AddressChange).count() == db.session.query(Delivery).count() == 0
