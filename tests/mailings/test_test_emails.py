"""Test emails to colleagues."""

import pytest
from support.factories import make_account, make_mailing, make_petition

from petition.core.exceptions import DomainError
from petition.mailings import test_emails


def test_inactive_colleague_gets_no_test_email(app):
    mailing = make_mailing(make_petition())
    with pytest.raises(DomainError):
        test_emails.enqueue_tests(mailing, [make_account(active=False)], "alix")
