"""Classify what a mail server said: its words, its enhanced status and its three-digit code together.

Providers use codes as they like: Orange answers `552 5.1.1` for a full mailbox, Gmail 5.2.1 for a rate limit, Outlook
5.4.1 for a mailbox that does not exist. So the words decide, then the enhanced status, then nothing: a bare `550` may
mean anything. An address is gone only where a permanent reply says so and nothing contradicts.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from petition.delivery.replies.statuses import CODES_OF_A_MAILBOX, STATUSES_OF_A_MAILBOX, SUBJECTS
from petition.delivery.replies.statuses import STATUSES as STATUS_CLASSES
from petition.delivery.replies.words import WORDS

MAX_TEXT_CHARACTERS = 4000
STATUS_PATTERN = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
CODE_PATTERN = re.compile(r"(?:^|[\s:;(\"'<-])([45][0-5]\d)(?=[ -]|$)")


class ReplyClass(StrEnum):
    """What a reply is about."""

    # The recipient.
    NO_MAILBOX = "no_mailbox"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_DISABLED = "mailbox_disabled"
    NO_DOMAIN = "no_domain"
    # Us.
    REPUTATION = "reputation"
    RATE = "rate"
    AUTHENTICATION = "authentication"
    CONTENT = "content"
    POLICY = "policy"
    # The moment.
    GREYLISTED = "greylisted"
    TEMPORARY = "temporary"

    UNKNOWN = "unknown"


ABOUT_RECIPIENT = (
    ReplyClass.NO_MAILBOX,
    ReplyClass.MAILBOX_FULL,
    ReplyClass.MAILBOX_DISABLED,
    ReplyClass.NO_DOMAIN,
)
ABOUT_US = (
    ReplyClass.REPUTATION,
    ReplyClass.RATE,
    ReplyClass.AUTHENTICATION,
    ReplyClass.CONTENT,
    ReplyClass.POLICY,
)

_WORDS = tuple((re.compile("|".join(patterns)), ReplyClass(name)) for name, _, patterns in WORDS)


@dataclass(frozen=True)
class Classification:
    """What a reply means. `gone`: the mailbox does not exist, so that the address is to be suppressed."""

    reply_class: ReplyClass
    gone: bool = False
    status: str = ""


def classify(text: str, *, code: int | None = None, status: str = "") -> Classification:
    """Classify a reply by its text, and by its code and enhanced status where they are known apart from the text.

    Without a code or a status, those in the text are taken. Never raises, whatever the text.
    """
    text = normalize(text)
    if code is None:
        found_code = CODE_PATTERN.search(text)
        code = int(found_code[1]) if found_code else None
    status = find_status(status, text)
    by_words = next((reply_class for pattern, reply_class in _WORDS if pattern.search(text)), None)
    reply_class = by_words or _classify_status(status)
    if reply_class == ReplyClass.NO_MAILBOX and status and status[2:] not in STATUSES_OF_A_MAILBOX:
        reply_class = _classify_status(status)  # the status contradicts: nobody is suppressed by half a reply
    return Classification(reply_class, _is_gone(reply_class, code, status), status)


def normalize(text: str) -> str:
    """Return a text in lower case on one line, with plain apostrophes and without the addresses in it."""
    text = text[:MAX_TEXT_CHARACTERS].lower().replace("\u2019", "'")
    return " ".join(re.sub(r"<?[^\s<>@]+@[^\s<>]+>?", "<address>", text).split())


def find_status(status: str, text: str) -> str:
    """Return the enhanced status; that of the text is more precise than a gateway's x.0.0. "" if there is none."""
    given, in_text = STATUS_PATTERN.search(status), STATUS_PATTERN.search(text)
    if given and given[0][1:] != ".0.0":
        return given[0]
    return in_text[0] if in_text else given[0] if given else ""


def _classify_status(status: str) -> ReplyClass:
    found = STATUS_PATTERN.fullmatch(status)
    if found is None:
        return ReplyClass.UNKNOWN
    detail = f"{found[2]}.{found[3]}"
    return ReplyClass(STATUS_CLASSES.get(detail) or SUBJECTS.get(found[2], "unknown"))


def _is_gone(reply_class: ReplyClass, code: int | None, status: str) -> bool:
    """Return whether a permanent reply says that a mailbox does not exist, and neither code nor status contradicts."""
    return (
        reply_class == ReplyClass.NO_MAILBOX
        and (code is None or code in CODES_OF_A_MAILBOX)
        and (not status or (status.startswith("5.") and status[2:] in STATUSES_OF_A_MAILBOX))
    )
