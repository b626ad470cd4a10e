"""What states, reasons and choices are called, in the reader's language."""

import re

from flask_babel import force_locale, format_decimal
from flask_babel import gettext as _

from petition.core.i18n import current_language
from petition.mailings.models import MailingState, UnsubscribeChoice

LIMIT_REASON = re.compile(r"limit (failed|unsubscribed) (\d\.\d{4}) (\d\.\d{4})")  # as the watch writes it


def state_labels() -> dict[str, str]:
    """Return what a mailing's states are called."""
    return {
        MailingState.DRAFT: _("a draft"),
        MailingState.TESTED: _("tested"),
        MailingState.SCHEDULED: _("scheduled"),
        MailingState.SENDING: _("being sent"),
        MailingState.PAUSED: _("paused"),
        MailingState.SENT: _("sent"),
        MailingState.CANCELLED: _("cancelled"),
    }


def recipient_state_labels() -> dict[str, str]:
    """Return what the states of a recipient's row are called."""
    return {
        "due": _("waiting"),
        "sending": _("being sent"),
        "sent": _("sent"),
        "deferred": _("put off"),
        "failed": _("failed"),
        "unknown": _("unknown"),
        "cancelled": _("not wanted any more"),
        "suppressed": _("suppressed"),
    }


def exclusion_labels() -> dict[str, str]:
    """Return why signers of what was chosen are not in the audience."""
    return {
        "no consent": _("confirmed, without agreeing to updates"),
        "not confirmed": _("not confirmed"),
        "withdrawn or struck": _("withdrawn, disowned or invalidated"),
        "suppressed": _("on the suppression list"),
    }


def unsubscribe_choice_labels() -> dict[str, str]:
    """Return what readers chose who stopped the updates."""
    return {
        UnsubscribeChoice.THESE: _("these updates"),
        UnsubscribeChoice.ALL: _("all updates"),
        UnsubscribeChoice.WITHDRAW: _("the signature too"),
        UnsubscribeChoice.COMPLAINT: _("reported as unwanted"),
    }


def _percent(share: float) -> str:
    return format_decimal(100 * share, "0.#") + ("\N{NO-BREAK SPACE}%" if current_language() == "fr" else "%")


def reason_label(reason: str | None, language: str | None = None) -> str:
    """Return why a mailing was paused or cancelled: in words where a limit did it, else as somebody wrote it."""
    by_limit = LIMIT_REASON.fullmatch(reason or "")
    if not by_limit:
        return reason or ""
    with force_locale(language or current_language()):
        share, limit = (_percent(float(part)) for part in by_limit.groups()[1:])
        if by_limit[1] == "failed":
            return _("%(share)s of the emails failed; the limit is %(limit)s", share=share, limit=limit)
        return _(
            "%(share)s of the emails made their readers stop the updates; the limit is %(limit)s",
            share=share, limit=limit,
        )  # fmt: skip
