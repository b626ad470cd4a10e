"""Labels of webhooks, in the reader's language."""

from flask_babel import gettext as _

from petition.integrations.models import EventState, EventType


def event_type_labels() -> dict[str, str]:
    """Return when each event is sent, by its type."""
    return {
        EventType.SIGNATURE_CONFIRMED: _("a signature was confirmed, or counts again"),
        EventType.SIGNATURE_WITHDRAWN: _("a signature no longer counts: withdrawn, disowned, invalidated or erased"),
        EventType.UPDATES_OPTED_IN: _("somebody who signed wants the news"),
        EventType.UPDATES_OPTED_OUT: _("somebody no longer wants the news"),
        EventType.PARTNER_NEWS_OPTED_OUT: _("somebody no longer wants a partner’s news"),
        EventType.PASSING_ON_OPTED_IN: _("somebody who signed agrees to be passed on"),
        EventType.PASSING_ON_OPTED_OUT: _("somebody is no longer to be passed on"),
        EventType.PETITION_MILESTONE: _("a petition reached a goal"),
        EventType.MAILING_FINISHED: _("a mailing was sent to all its recipients"),
        EventType.TEST: _("a test message"),
    }


def event_state_label(state: str) -> str:
    """Return what became of an event."""
    return {
        EventState.DUE: _("waits"),
        EventState.DELIVERED: _("delivered"),
        EventState.FAILED: _("given up"),
        EventState.DISCARDED: _("discarded"),
    }[EventState(state)]


def answer_label(answer: str | None) -> str:
    """Return what the receiver answered, or why there was no answer."""
    if answer is None:
        return "–"
    return {
        "timeout": _("no answer in time"),
        "refused": _("nobody listens there"),
        "tls": _("its certificate is not valid"),
        "broken": _("the connection broke"),
        "unknown host": _("the name is unknown"),
        "not a public address": _("the address is not public"),
        "not an address": _("the address is not valid"),
    }.get(answer, answer)
