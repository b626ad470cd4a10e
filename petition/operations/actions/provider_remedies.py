"""What to do when a mail provider refuses us, by the class of its reply (`delivery.replies.classifier.ReplyClass`).

What each provider wants of senders is in docs/deliverability.md. Imports nothing heavy, so that `petition queue check`
is quick.
"""

from petition.core.text import N_

REMEDIES = {
    "rate": N_("Too much at once: limit this provider to fewer emails an hour than it was sent."),
    "reputation": N_(
        "Our address or domain has a bad name there: ask to be taken off the list that the reply names, or write to its"
        " postmaster."
    ),
    "authentication": N_(
        "Our mail is not signed as it should be: correct SPF, DKIM or DMARC. The check of the set-up says what is"
        " wrong."
    ),
    "content": N_(
        "It takes our emails for spam: write to its postmaster with this reply; look at the links in the text."
    ),
    "policy": N_("It does not accept mail from us: write to its postmaster with this reply."),
    "temporary": N_("It closes our connections: wait; if it goes on, read the mail server’s log."),
}


def get_remedy(reply_class: str | None) -> str:
    """Return what to do about replies of a class, in English; "" if nothing is known."""
    return REMEDIES.get(reply_class or "", "")
