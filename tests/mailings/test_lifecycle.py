"""Transitions of a mailing."""

import pytest
from support.factories import make_mailing, make_petition

from petition.core.db import db
from petition.mailings import lifecycle
from petition.mailings.models import MAILING_STATES
from petition.team.models import AuditEvent


@pytest.mark.parametrize("state", MAILING_STATES)
@pytest.mark.parametrize("step", lifecycle.TRANSITIONS)
def test_transition_is_audited_where_possible_and_an_error_elsewhere(app, state, step):
    mailing = make_mailing(make_petition(), state=state)
    before, after = lifecycle.TRANSITIONS[step]
    if state in before:
        lifecycle.transition(step, mailing)
        assert mailing.state == (after or state)
        event = db.session.query(AuditEvent).one()
        assert (event.action, event.before) == (f"mailing.{step}", {"state": state})
    else:
        with pytest.raises(lifecycle.InvalidMailingTransition):
            lifecycle.transition(step, mailing)
        assert mailing.state == state
