"""Labels of states, reasons and choices, in the reader's language."""

from flask_babel import force_locale, format_decimal, ngettext
from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES, current_language, format_share
from petition.delivery.models import DeliveryState
from petition.mailings.limits import parse_exceeded_limit
from petition.mailings.models import Mailing, MailingState, Trigger, UnsubscribeChoice


def state_labels() -> dict[str, str]:
    """Return the label of each state of a mailing."""
    return {
        MailingState.DRAFT: _("a draft"),
        MailingState.TESTED: _("tested"),
        MailingState.SCHEDULED: _("scheduled"),
        MailingState.SENDING: _("being sent"),
        MailingState.PAUSED: _("paused for now"),
        MailingState.SENT: _("sent"),
        MailingState.CANCELLED: _("cancelled"),
    }


def trigger_labels() -> dict[str, str]:
    """Return the label of each moment at which an automatic mailing is sent."""
    return {
        Trigger.CONFIRMED: _("by itself, some days after each person has confirmed"),
        Trigger.MILESTONE: _("by itself, when enough have signed"),
        Trigger.HANDED_OVER: _("by itself, when the signatures are handed over"),
        Trigger.WON: _("by itself, when the petition has won"),
    }


def describe_trigger(mailing: Mailing) -> str | None:
    """Return when an automatic mailing is sent, None for one that is sent once, at a time."""
    value = mailing.trigger_value or 0
    match mailing.trigger:
        case Trigger.CONFIRMED if not value:
            return _("as soon as somebody has confirmed")
        case Trigger.CONFIRMED:
            return ngettext(
                "%(num)s day after somebody has confirmed", "%(num)s days after somebody has confirmed", value
            )
        case Trigger.MILESTONE:
            return _("at %(number)s signatures", number=format_decimal(value))
        case None:
            return None
        case other:
            return trigger_labels()[other]


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
        "no consent": _("confirmed, without agreeing to news"),
        "not confirmed": _("not confirmed"),
        "quarantined": _("quarantined, as they look forged"),
        "withdrawn or struck": _("withdrawn, disowned or invalidated"),
        "suppressed": _("on the suppression list"),
    }


def unsubscribe_choice_labels() -> dict[str, str]:
    """Return the label of each choice of those who unsubscribed."""
    return {
        UnsubscribeChoice.THESE: _("this news"),
        UnsubscribeChoice.ALL: _("all news"),
        UnsubscribeChoice.WITHDRAW: _("the signature too"),
        UnsubscribeChoice.COMPLAINT: _("reported as unwanted"),
    }


def _percent(share: float) -> str:
    return format_share(share)


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


def form_labels() -> dict[str, str]:
    """Return the label of each field of the form, by name; those of a text name its language."""
    texts = {"subject": _("Subject"), "preheader": _("Preview text"), "body": _("Message")}
    labels = {
        "name": _("Internal name"), "sender_name": _("Sender name"), "reply_to": _("Reply-to address"),
        "petitions": _("Petitions"), "party": _("Signed as"), "languages": _("Languages"),
        "professions": _("Profession contains"), "city": _("Town"), "postal_code": _("Postal code begins with"),
        "country": _("Country"), "confirmed_from": _("Confirmed from"), "confirmed_until": _("Confirmed until"),
        "received": _("Received mailing"), "not_received": _("Did not receive mailing"),
        "per_hour": _("Maximum emails per hour"), "per_domain_hour": _("Maximum per hour to one email provider"),
        "warm_up": _("Emails in the first hour"), "undo_minutes": _("Time to undo sending (minutes)"),
        "failure_limit": _("Pause if failures exceed (%%)") % (), "timezone": _("Time zone"),
        "unsubscribe_limit": _("Pause if unsubscribes exceed (%%)") % (),
        "trigger": _("When it is sent"), "trigger_value": _("Number of days or of signatures"),
        "public": _("Publish on a public page once sent"),
    }  # fmt: skip
    for part, label in texts.items():
        for language, name in LANGUAGES.items():
            labels[f"{part}_{language}"] = _("%(field)s, in %(language)s", field=label, language=name)
    return labels
