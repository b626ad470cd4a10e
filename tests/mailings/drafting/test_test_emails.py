"""Test emails to colleagues."""

import pytest
from support.factories import make_account, make_mailing, make_petition, make_signature

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.mailings.drafting import test_emails
from petition.mailings.models import MailingTest
from petition.signatures.personal.data_copy import collect_data
from petition.signatures.staff.history import list_events


def test_inactive_colleague_gets_no_test_email(app):
    mailing = make_mailing(make_petition())
    with pytest.raises(DomainError):
        test_emails.enqueue_tests(mailing, [make_account(active=False)], "alix")


def test_a_test_email_is_not_taken_for_one_of_the_signature_with_its_number(app):
    petition = make_petition()
    signature = make_signature(petition)
    before = collect_data(signature)["emails"], len(list_events(signature))
    test_emails.enqueue_tests(make_mailing(petition), [make_account()], "alix")
    db.session.commit()
    assert signature.id in {test.id for test in db.session.query(MailingTest)}
    assert (collect_data(signature)["emails"], len(list_events(signature))) == before
