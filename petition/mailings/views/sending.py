"""The team's pages of mailings, for senders only: schedule, resume, cancel, retry, add recipients."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from petition.core.exceptions import ValidationError
from petition.mailings import actions
from petition.mailings.models import Mailing
from petition.mailings.views.desk import perform_action, read_reason, require_current_account
from petition.petitions.partners.models import PartnerRole
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "sender"
blueprint = Blueprint("mailing_sending", __name__, url_prefix="/desk/mailings")
PARTNER_VIEWS = ("plan", "resume", "cancel", "retry", "extend")
require_roles(blueprint, TeamRole.SENDER, partners=dict.fromkeys(PARTNER_VIEWS, PartnerRole.SENDER))


@blueprint.post("/<int:mailing_id>/schedule")
def plan(mailing_id: int) -> Response:
    """Schedule a mailing for a time in its time zone, or for the end of the undo window."""
    submitted = request.form.get("at", "")

    def schedule(mailing: Mailing) -> str:
        actions.schedule(mailing, _parse_send_at(submitted, mailing.timezone), require_current_account().id)
        if mailing.trigger:
            return _("Scheduled. It is then sent by itself; you can undo this until the first email.")
        return _("Scheduled. You can undo sending until the first email.")

    return perform_action(mailing_id, schedule, lambda message: message)


def _parse_send_at(submitted: str, timezone: str) -> datetime | None:
    if not submitted.strip():
        return None
    try:
        send_at = datetime.fromisoformat(submitted.strip())
        return (send_at if send_at.tzinfo else send_at.replace(tzinfo=ZoneInfo(timezone))).astimezone(ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise ValidationError({"at": _("write a date and a time such as 2026-11-23T09:00")}) from None


@blueprint.post("/<int:mailing_id>/resume")
def resume(mailing_id: int) -> Response:
    """Resume a paused mailing."""
    return perform_action(mailing_id, actions.resume, lambda _none: _("Sending resumed."))


@blueprint.post("/<int:mailing_id>/cancel")
def cancel(mailing_id: int) -> Response:
    """Cancel a mailing for good."""
    reason, message = read_reason(), _("Cancelled. The emails not sent yet never will be.")
    return perform_action(
        mailing_id, lambda mailing: actions.cancel(mailing, reason), lambda _none: message, stops=True
    )


@blueprint.post("/<int:mailing_id>/retry")
def retry(mailing_id: int) -> Response:
    """Retry the failed emails."""
    return perform_action(
        mailing_id,
        actions.retry_failed,
        lambda n: ngettext("%(num)s email will be tried again.", "%(num)s emails will be tried again.", n),
    )


@blueprint.post("/<int:mailing_id>/extend")
def extend(mailing_id: int) -> Response:
    """Send a mailing to those who have joined its audience since."""
    return perform_action(
        mailing_id,
        actions.add_recipients,
        lambda n: ngettext("%(num)s recipient added.", "%(num)s recipients added.", n),
    )
