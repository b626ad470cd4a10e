"""For senders alone: schedule a mailing, let it go on, end it, send what is missing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.errors import Refusal
from petition.mailings import schedule
from petition.mailings.manage import back, mailing_or_404, reason_given, refused, who
from petition.team.access import guard
from petition.team.models import SENDER

ACCESS = "sender"
blueprint = Blueprint("sending", __name__, url_prefix="/desk/mailings")
guard(blueprint, SENDER)


@blueprint.post("/<int:mailing_id>/schedule")
def plan(mailing_id: int) -> Response:
    """Have it sent at a moment of the campaign's time zone, or once the undo window has passed."""
    mailing = mailing_or_404(mailing_id, lock=True)
    try:
        schedule.schedule(mailing, _moment(request.form.get("at", ""), mailing.timezone), who().id)
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("Scheduled. Until its first email it can be taken back."), "success")
    return back(mailing_id)


def _moment(typed: str, zone: str) -> datetime | None:
    if not typed.strip():
        return None
    try:
        moment = datetime.fromisoformat(typed.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise Refusal({"at": _("write a day and a time such as 2026-11-23T09:00")}) from None


@blueprint.post("/<int:mailing_id>/resume")
def resume(mailing_id: int) -> Response:
    """Let it go on where it was held."""
    try:
        schedule.resume(mailing_or_404(mailing_id, lock=True))
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("It goes on where it was held."), "success")
    return back(mailing_id)


@blueprint.post("/<int:mailing_id>/cancel")
def cancel(mailing_id: int) -> Response:
    """End it for good."""
    try:
        schedule.cancel(mailing_or_404(mailing_id, lock=True), reason_given())
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("Cancelled. What had not left never will."), "success")
    return back(mailing_id)


@blueprint.post("/<int:mailing_id>/retry")
def retry(mailing_id: int) -> Response:
    """Send it again where it failed."""
    try:
        n = schedule.retry_failed(mailing_or_404(mailing_id, lock=True))
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("%(number)s emails are tried again.", number=n), "success")
    return back(mailing_id)


@blueprint.post("/<int:mailing_id>/extend")
def extend(mailing_id: int) -> Response:
    """Send it to those who have joined its audience since."""
    try:
        n = schedule.extend(mailing_or_404(mailing_id, lock=True))
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("%(number)s more recipients get it.", number=n), "success")
    return back(mailing_id)
