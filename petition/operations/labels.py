"""Labels of states, problems, actions and causes on the operators' pages, in the reader's language."""

from datetime import datetime

from flask_babel import format_decimal
from flask_babel import gettext as _

from petition.bulk_actions.labels import bulk_action_state_label
from petition.core.i18n import current_language, format_duration
from petition.delivery.pacing.actions import ProviderPace
from petition.delivery.pacing.models import ProviderState
from petition.operations.actions.provider_remedies import get_remedy
from petition.operations.health.evaluation import HealthReason
from petition.signatures.labels import signature_state_label


def state_label(state: str) -> str:
    """Return the label of the state of a delivery, a bulk action or a signature."""
    return {
        "due": _("due"), "sending": _("being sent"), "sent": _("sent"), "deferred": _("to be retried"),
        "failed": _("failed"), "unknown": _("unknown outcome"), "cancelled": _("cancelled"),
        "suppressed": _("suppressed"),
    }.get(state) or signature_state_label(bulk_action_state_label(state))  # fmt: skip


def outage_text(path: str) -> tuple[str, str] | None:
    """Return the title and advice of pages under /ops/ while the database does not answer; None for all others."""
    if not path.startswith("/ops/"):
        return None
    return _("It is not known whether mail flows"), _(
        "The database does not answer, or cannot be used. On the server, “petition queue check” says which. What to do"
        " then is in docs/operations.md, under PetitionDown."
    )


def health_label(status: str) -> str:
    """Return the headline of a health status."""
    return {"ok": _("Mail flows"), "slow": _("Mail is slow"), "stuck": _("Mail is stuck")}[status]


def reason_message(reason: HealthReason) -> str:
    """Return the message of a reason why mail does not flow."""
    return reason.message(_, current_language())


def domain_problem_label(problem: str) -> str:
    """Return the label of a recipient domain's problem."""
    return {
        "refuses": _("refuses most emails"),
        "defers": _("delays most emails"),
        "few confirm": _("far fewer confirmations than elsewhere: emails may be delayed or filed as spam"),
    }[problem]


def action_labels(verb: str) -> dict[str, str]:
    """Return the name of an action, and the end of a sentence that says what it will do to so many emails."""
    return {
        "retry": {
            "name": _("Send again"),
            "effect": _(
                "will be sent again now. People who have confirmed, unsubscribed or been suppressed meanwhile get"
                " nothing."
            ),
        },
        "discard": {"name": _("Do not send"), "effect": _("will be cancelled, and never sent.")},
        "mark-sent": {"name": _("Mark as sent"), "effect": _("will count as sent, and not be sent again.")},
    }[verb]


def cause_label(cause: str) -> str:
    """Return the label of a cause that is not a code of the mail server; a code is its own label."""
    return {
        "": _("no reason given"),
        "provider pace": _("waits for its provider"),
        "worker died": _("the worker stopped while sending"),
        "not composed": _("the text could not be composed"),
        "not built": _("the message could not be built"),
        "TimeoutError": _("no answer in time"),
        "ConnectionRefusedError": _("connection refused"),
        "SMTPServerDisconnected": _("the server closed the connection"),
    }.get(cause, cause)


def mailbox_problem_label(problem: str) -> str:
    """Return the label of why the bounce mailbox cannot be read."""
    return {
        "network": _("its server does not answer"),
        "tls": _("its certificate is not valid"),
        "login": _("its login is refused"),
        "permission": _("its folder may not be read or changed"),
        "full": _("it is full: new reports are refused"),
        "server": _("its server refuses"),
    }[problem]


def bounce_kind_label(kind: str) -> str:
    """Return the label of a kind of bounce report."""
    return {
        "permanent": _("mailbox does not exist"), "soft": _("temporary failure"), "policy": _("refused by policy"),
        "complaint": _("complaint"), "delayed": _("delay or automatic answer"), "unsubscribe": _("unsubscribe request"),
        "reply": _("reply of a person, forwarded"), "dmarc": _("DMARC report"), "not_understood": _("not recognised"),
    }[kind]  # fmt: skip


def describe_pace(provider: ProviderPace, now: datetime) -> str:
    """Return how a provider is mailed at the moment, and within which limits."""
    parts = []
    if provider.is_trying(now):
        parts.append(_("single emails are tried"))
    elif provider.state == ProviderState.BACKING_OFF and provider.backoff_until:
        left = format_duration((provider.backoff_until - now).total_seconds())
        parts.append(_("waiting: no email to this provider for %(time)s more", time=left))
    elif provider.state == ProviderState.GROWING:
        parts.append(_("recovers: %(n)s emails an hour", n=format_decimal(round(provider.pace or 0))))
    else:
        parts.append(_("full speed"))
    if provider.per_hour:
        parts.append(_("at most %(n)s emails an hour", n=format_decimal(provider.per_hour)))
    if provider.max_connections:
        parts.append(_("at most %(n)s connections at once", n=provider.max_connections))
    return ", ".join(parts)


def provider_remedy(reply_class: str | None) -> str:
    """Return what to do about a provider's replies."""
    remedy = get_remedy(reply_class)
    return _(remedy) if remedy else ""
