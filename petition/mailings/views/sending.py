"""For senders alone: schedule a mailing, let it go on, end it, send what is missing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from petition.core.exceptions import ValidationError
from petition.mailings import actions
from petition.mailings.views.desk import perform_action, read_reason, require_current_account
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "sender"
blueprint = Blueprint("sending", __name__, url_prefix="/desk/mailings")
require_roles(blueprint, TeamRole.SENDER)


@blueprint.post("/<int:mailing_id>/schedule")
def plan(mailing_id: int) -> Response:
    """Have it sent at a moment of the campaign's time zone, or once the undo window has passed."""
    typed = request.form.get("at", "")
    told = _("Scheduled. Until its first email it can be taken back.")
    return perform_action(
        mailing_id,
        lambda mailing: actions.schedule(
            mailing, _parse_send_at(typed, mailing.timezone), require_current_account().id
        ),
        lambda _none: told,
    )


def _parse_send_at(typed: str, zone: str) -> datetime | None:
    if not typed.strip():
        return None
    try:
        moment = datetime.fromisoformat(typed.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise ValidationError({"at": _("write a day and a time such as 2026-11-23T09:00")}) from None


@blueprint.post("/<int:mailing_id>/resume")
def resume(mailing_id: int) -> Response:
    """Let it go on where it was held."""
    return perform_action(mailing_id, actions.resume, lambda _none: _("It goes on where it was held."))


@blueprint.post("/<int:mailing_id>/cancel")
def cancel(mailing_id: int) -> Response:
    """End it for good."""
    reason, told = read_reason(), _("Cancelled. What had not left never will.")
    return perform_action(mailing_id, lambda mailing: actions.cancel(mailing, reason), lambda _none: told)


@blueprint.post("/<int:mailing_id>/retry")
def retry(mailing_id: int) -> Response:
    """Send it again where it failed."""
    return perform_action(mailing_id, actions.retry_failed, lambda n: _("%(number)s emails are tried again.", number=n))


@blueprint.post("/<int:mailing_id>/extend")
def extend(mailing_id: int) -> Response:
    """Send it to those who have joined its audience since."""
    return perform_action(
        mailing_id, actions.add_recipients, lambda n: _("%(number)s more recipients get it.", number=n)
    )
