"""Periodic tasks of the team: mail the links that were asked for, and delete what has expired."""

from petition.core.db import db
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import clear_wakeup_flag
from petition.team import link_requests, sessions, unsaved_forms
from petition.team.api_tokens import tokens as api_tokens
from petition.team.auth import limits


def run_link_requests() -> None:
    """Process the requests for links to choose a password."""
    clear_wakeup_flag(MAINTENANCE)
    link_requests.process_requests()


def run_retention() -> None:
    """Delete ended sessions, attempts to sign in that no longer count, texts that nobody came back for, old tokens."""
    sessions.delete_ended()
    limits.delete_old()
    unsaved_forms.delete_old()
    api_tokens.delete_old()
    db.session.commit()
