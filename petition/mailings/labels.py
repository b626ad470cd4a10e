"""Labels of states, reasons and choices, in the reader's language."""

from flask_babel import force_locale, format_decimal
from flask_babel import gettext as _

from petition.core.i18n import current_language
from petition.delivery.models import DeliveryState
from petition.mailings.limits import parse_exceeded_limit
from petition.mailings.models import MailingState, UnsubscribeChoice


def state_labels() -> dict[str, str]:
    """Return the label of each state of a mailing."""
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
    """Return the label of each state of a delivery, as seen from a mailing."""
    return {
        DeliveryState.DUE: _("waiting"),
        DeliveryState.SENDING: _("being sent"),
        DeliveryState.SENT: _("sent"),
        DeliveryState.DEFERRED: _("to be retried"),
        DeliveryState.FAILED: _("failed"),
        DeliveryState.UNKNOWN: _("unknown"),
        DeliveryState.CANCELLED: _("cancelled"),
        DeliveryState.SUPPRESSED: _("suppressed"),
    }


def exclusion_labels() -> dict[str, str]:
    """Return the label of each reason why an address is not in the audience."""
    return {
        "no consent": _("confirmed, without agreeing to updates"),
        "not confirmed": _("not confirmed"),
        "withdrawn or struck": _("withdrawn, disowned or invalidated"),
        "suppressed": _("on the suppression list"),
    }


def unsubscribe_choice_labels() -> dict[str, str]:
    """Return the label of each choice of those who unsubscribed."""
    return {
        UnsubscribeChoice.THESE: _("these updates"),
        UnsubscribeChoice.ALL: _("all updates"),
        UnsubscribeChoice.WITHDRAW: _("the signature too"),
        UnsubscribeChoice.COMPLAINT: _("reported as unwanted"),
    }


def _percent(share: float) -> str:
    return format_decimal(100 * share, "0.#") + ("\N{NO-BREAK SPACE}%" if current_language() == "fr" else "%")


def reason_label(reason: str | None, language: str | None = None) -> str:
    """Return why a mailing was paused or cancelled: a sentence where a limit did it, else as a person wrote it."""
    exceeded = parse_exceeded_limit(reason or "")
    if exceeded is None:
        return reason or ""
    with force_locale(language or current_language()):
        share, limit = _percent(exceeded.share), _percent(exceeded.limit)
        if exceeded.name == "failed":
            return _("%(share)s of the emails failed; the limit is %(limit)s", share=share, limit=limit)
        return _("%(share)s of the recipients unsubscribed; the limit is %(limit)s", share=share, limit=limit)
