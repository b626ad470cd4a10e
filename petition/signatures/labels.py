"""Labels of signatures and staff actions, in the reader's language."""

from typing import Any

from flask_babel import format_decimal
from flask_babel import gettext as _


def signature_state_label(state: str) -> str:
    """Return what a signature's state is called."""
    return {
        "pending": _("pending"), "confirmed": _("confirmed"), "withdrawn": _("withdrawn"),
        "disowned": _("disowned"), "invalidated": _("invalidated"), "quarantined": _("quarantined"),
    }.get(state, state)  # fmt: skip


def signature_field_label(field: str) -> str:
    """Return the label of a field of a signature, or of a search."""
    return {
        "petition": _("Petition"), "name": _("Name"), "organisation": _("Organisation"), "email": _("Email address"),
        "profession": _("Profession or role"), "city": _("Town"), "postal_code": _("Postal code"),
        "country": _("Country"), "state": _("State"), "party": _("Signed as"), "domain": _("Mail domain"),
        "network": _("Network"), "created_since": _("Signed from"), "created_until": _("Signed until"),
        "confirmed_since": _("Confirmed from"), "confirmed_until": _("Confirmed until"), "id": _("Number"),
        "locale": _("Language"), "listed": _("In the public list"),
        "named_when": _("Name withheld"), "withheld_name": _("Name (withheld)"), "updates": _("Receives the news"),
        "passed_on": _("May be passed on"),
        "source": _("Signed through"), "created_at": _("Signed on"), "confirmed_at": _("Confirmed on"),
        "ended_at": _("Ended on"), "updates_at": _("Agreed to the news on"),
    }.get(field, field)  # fmt: skip


def named_when_label(when: str) -> str:
    """Return how long a name is withheld."""
    return {
        "total": _("until enough have signed"), "profession": _("until enough of the same profession have signed"),
        "never": _("for good"),
    }[when]  # fmt: skip


def withheld_sentence(signature: Any) -> str:
    """Return until when a signature's name is withheld, for the team."""
    needed = signature.named_from
    return {
        "total": _("Its name is withheld until %(number)s people have signed.", number=format_decimal(needed or 0)),
        "profession": _(
            "Its name is withheld until %(number)s people of the same profession have signed.",
            number=format_decimal(needed or 0),
        ),
        "never": _("Its name is withheld for good, as its signer decided."),
    }[signature.named_when]


def email_kind_label(kind: str) -> str:
    """Return what an email to a signer is for."""
    return {
        "confirm_signature": _("link to confirm"), "reminder": _("reminder"),
        "already_signed": _("already signed"), "personal_link": _("link to the personal page"),
        "withdrawn": _("withdrawal"), "new_address": _("link to confirm a new address"),
        "address_change": _("notice of a new address"), "own_signatures": _("list of signatures"),
        "name_withheld": _("notice that a name stays withheld"),
        "mailing": _("news of the campaign"),
    }.get(kind, kind)  # fmt: skip


def delivery_state_label(state: str) -> str:
    """Return what became of an email, in words for its recipient."""
    return {
        "due": _("waits to be sent"), "sending": _("is being sent"), "sent": _("sent"),
        "deferred": _("will be tried again"), "failed": _("failed"), "unknown": _("not known whether it was sent"),
        "cancelled": _("no longer needed, not sent"), "suppressed": _("not sent, as the address is blocked"),
    }.get(state, state)  # fmt: skip


def report_kind_label(kind: str) -> str:
    """Return what a report from a mail server said, in words for the owner of the address."""
    return {
        "permanent": _("the mailbox does not exist"), "soft": _("a temporary failure"),
        "policy": _("refused by the mail server"), "complaint": _("reported as unwanted"),
        "delayed": _("a delay, or an automatic answer"), "unsubscribe": _("a request to unsubscribe"),
        "reply": _("your reply, forwarded to the team"), "not_understood": _("not recognised"),
    }.get(kind, kind)  # fmt: skip


def journal_act_label(act: str) -> str:
    """Return what an entry of the erasure journal stands for, in words for its person."""
    return {
        "erased": _("erased"), "disowned": _("disowned"), "withdrawn": _("withdrawn"),
        "put_back": _("put back"), "unsubscribed": _("unsubscribed from the news"),
        "unlisted": _("taken out of the public list"), "restricted": _("use restricted"),
        "not_shared": _("no longer passed on"),
        "lifted": _("restriction lifted"), "objected": _("objected to any email"),
        "anonymised": _("anonymised"),
    }.get(act, act)  # fmt: skip


def invalid_address_message() -> str:
    """Return what is wrong with what was typed as an email address."""
    return _("This does not look like a full email address. It should read like name@example.org.")


def party_label(party: str) -> str:
    """Return what kind of signatory it is."""
    return {"person": _("person"), "organisation": _("organisation")}.get(party, party)


def staff_action_labels(action: str) -> dict[str, str]:
    """Return the name of a staff action (`name`), its effect (`will`) and the message once it is done (`done`)."""
    return {
        "resend": {
            "name": _("Send the link again"),
            "will": _("The signer gets the link by email."),
            "done": _("The link is on its way."),
        },
        "correct": {
            "name": _("Correct"),
            "will": _("Correct mistakes in the details when the signer asks for it."),
            "done": _("Corrected."),
        },
        "change_address": {
            "name": _("Change the address"),
            "will": _(
                "The new address gets an email with a link: once its owner confirms it there, it takes the place of "
                "the present one, and links sent before no longer work. The present address is notified. For a signer "
                "who writes or calls and cannot use the personal page."
            ),
            "done": _("The new address has been asked to confirm. Until then the present one stays."),
        },
        "confirm": {
            "name": _("Confirm without the link"),
            "will": _(
                "The signature will count as if its link had been followed. The address gets an email with the link "
                "to the signer’s personal page, so that its owner knows and can object. It gets the news only if its "
                "owner agrees to them there."
            ),
            "done": _("Confirmed: the signature counts."),
        },
        "withdraw": {
            "name": _("Withdraw"),
            "will": _(
                "The signature will no longer be counted or listed, and its signer is notified by email. Only at the "
                "signer’s request; the signer may sign again."
            ),
            "done": _("Withdrawn."),
        },
        "quarantine": {
            "name": _("Quarantine"),
            "will": _(
                "The signature will not be counted or listed, and gets no news. Its signer sees no difference. You can "
                "release it at any moment."
            ),
            "done": _("Quarantined."),
        },
        "release": {
            "name": _("Release"),
            "will": _("The signature will count again, in its place in the list."),
            "done": _("Released: the signature counts."),
        },
        "invalidate": {
            "name": _("Invalidate"),
            "will": _(
                "The signature will not be counted or listed, its signer gets no more emails, and signing again with "
                "this address has no effect. You can reinstate it later."
            ),
            "done": _("Invalidated."),
        },
        "reinstate": {
            "name": _("Reinstate"),
            "will": _("The signature will be as it was before it was invalidated, and count again if it did."),
            "done": _("Reinstated."),
        },
        "restore": {
            "name": _("Put back"),
            "will": _(
                "Somebody pressed “It was not me” behind the link in an email. If its signer tells you that this was "
                "an error, put the signature back: it counts again, and is listed again if it was. The news stay off, "
                "the links sent before no longer work, and the address gets an email with a new link to the signer’s "
                "personal page, so that its owner knows and can object."
            ),
            "done": _("Put back: the signature counts."),
        },
        "stop_updates": {
            "name": _("Stop the news"),
            "will": _(
                "The signer gets no more news of this petition. The signature stays and counts; the signer can start "
                "the news again on the personal page."
            ),
            "done": _("The news is stopped. The signature counts."),
        },
        "restrict": {
            "name": _("Restrict its use"),
            "will": _(
                "The signature is stored and not used: not listed, not exported, no news. It still counts. At the "
                "signer’s request, while a question about the data is open (GDPR, article 18)."
            ),
            "done": _("Its use is restricted."),
        },
        "lift": {
            "name": _("Lift the restriction"),
            "will": _(
                "The signature can be exported again. The public list and the news stay off: its signer can switch "
                "them on again."
            ),
            "done": _("The restriction is lifted."),
        },
        "erase": {
            "name": _("Erase"),
            "will": _(
                "The signature is deleted with all its details, and no longer counts. This cannot be undone. Only at "
                "the signer’s request, by letter or phone: make sure first that it is really them."
            ),
            "done": _("Erased. A restored backup does not bring it back."),
        },
        "show_name": {
            "name": _("Show the name"),
            "will": _("The public list will show the name, if its signer agreed to be listed."),
            "done": _("The public list may show this name."),
        },
        "hide_name": {
            "name": _("Do not show the name"),
            "will": _("The public list will not show the name. The signature still counts; its signer gets no email."),
            "done": _("The public list does not show this name. The signature counts."),
        },
    }[action]


def review_label(review: str | None) -> str:
    """Return what the team decided about a name."""
    return {
        "waiting": _("waits for the team"), "approved": _("approved"), "rejected": _("not shown"),
    }.get(review or "", _("not needed"))  # fmt: skip


def name_flag_label(flag: str) -> str:
    """Return why a name waits for the team."""
    return {
        "organisation": _("an organisation"), "institution": _("names an institution or an office"),
        "sentence": _("reads like a sentence"), "advertising": _("contains an advertising word"),
        "insult": _("contains an insult"), "capitals": _("long, and all in capitals"),
        "signs": _("contains unusual characters"), "scripts": _("in several alphabets"),
    }.get(flag, flag)  # fmt: skip


def report_reason_label(reason: str) -> str:
    """Return why a reader reports a name."""
    return {
        "impersonation": _("This person or organisation did not sign, or does not exist"),
        "offensive": _("The name insults or threatens"),
        "advertising": _("It is advertising, or no name at all"),
    }.get(reason, reason)  # fmt: skip


def email_kind_labels() -> dict[str, str]:
    """Return what each kind of email to a signer is for."""
    return {
        "confirm_signature": _("To confirm the signature"),
        "reminder": _("Reminder to confirm"),
        "already_signed": _("To somebody who signs again"),
        "personal_link": _("Link to the personal page"),
        "withdrawn": _("After a withdrawal"),
    }
