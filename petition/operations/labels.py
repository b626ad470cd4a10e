"""The queue's states in the reader's language."""

from flask_babel import gettext as _

from petition.bulk_actions.labels import bulk_action_state_label
from petition.signatures.labels import signature_state_label


def state_label(state: str) -> str:
    """Return what a delivery's or a signature's state is called."""
    return {
        "due": _("due"), "sending": _("being sent"), "sent": _("sent"), "deferred": _("put off"),
        "failed": _("failed"), "unknown": _("unknown"), "cancelled": _("cancelled"), "suppressed": _("suppressed"),
    }.get(state) or signature_state_label(bulk_action_state_label(state))  # fmt: skip


def health_label(state: str) -> str:
    """Return the headline of a verdict."""
    return {"ok": _("Mail flows"), "slow": _("Mail is slow"), "stuck": _("Mail is stuck")}[state]


def domain_problem_label(mark: str) -> str:
    """Return what is wrong with a provider."""
    return {
        "refuses": _("refuses most"),
        "puts off": _("puts most off"),
        "few confirm": _("far fewer confirm than elsewhere: mail may be held back or taken for spam"),
    }[mark]


def action_labels(verb: str) -> dict[str, str]:
    """Return an action's name, its button, and what it will do."""
    return {
        "retry": {
            "name": _("Send again"),
            "will": _(
                "will be due again now. Whoever has confirmed, unsubscribed or been suppressed meanwhile gets nothing."
            ),
        },
        "discard": {"name": _("Give up"), "will": _("will be cancelled, and never sent.")},
        "mark-sent": {"name": _("Take for sent"), "will": _("will count as sent, and not be sent again.")},
    }[verb]


def cause_label(cause: str) -> str:
    """Return a cause in words where it is not the server's own code."""
    return {
        "": _("no reason given"),
        "worker died": _("the worker died while sending"),
        "not composed": _("could not be composed"),
        "not built": _("could not be built"),
        "TimeoutError": _("no answer in time"),
        "ConnectionRefusedError": _("connection refused"),
        "SMTPServerDisconnected": _("the server hung up"),
    }.get(cause, cause)
