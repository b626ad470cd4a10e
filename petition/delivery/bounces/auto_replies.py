"""Tell answering machines from bounces and from people.

An answer is recognised by RFC 3834, by the marks of programs that do not follow it, or by the words that they begin a
subject with. What comes from a mail system itself (a daemon's address, `X-Failed-Recipients`) is no answer, whatever
its marks: Exim and Postfix mark bounces as `auto-replied` too.
"""

import re
from contextlib import suppress
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

DAEMON_PATTERN = re.compile(
    r"^(mailer-?daemon|postmaster|mail-?daemon|mdaemon|mail-?delivery|delivery-?status|bounces?|maildelivery"
    r"|microsoftexchange[\w-]*|mail\.?daemon)([._+-][^@]*)?@",
)
DAEMON_NAME_PATTERN = re.compile(r"mail delivery (sub)?system|mail administrator|mailer-daemon|delivery subsystem")
# Headers whose presence marks an answer. Sources: RFC 3834; Microsoft [MS-OXCMAIL] (X-Auto-Response-Suppress,
# Mailbox Rules Agent); vacation(1); Dovecot Pigeonhole; cPanel, Plesk, Kolab and Novell GroupWise documentation.
MARKS = (
    "x-auto-response-suppress",
    "x-ms-exchange-inbox-rules-loop",
    "x-vacation",
    "x-apple-auto-reply",
    "x-notes-autoreply",
    "x-mimectl-outofoffice",
)
MARK_PATTERN = re.compile(r"^x-(mail-)?auto-?(reply|respond|response|responder|replied|generated)")
# (header, pattern of its value)
MARKED_VALUES = (
    ("auto-submitted", re.compile(r"auto-(replied|generated|notified)")),
    ("precedence", re.compile(r"auto[_-]?reply|vacation")),
    ("x-ms-exchange-generated-message-source", re.compile(r"mailbox rules agent|out ?of ?office")),
    ("x-mailer", re.compile(r"vacation|autoresponder|out of office|auto-?reply")),
    ("x-lotus-autoreply", re.compile(r".")),
    ("x-notes-item", re.compile(r"out of office|autoreply")),
    ("delivered-to", re.compile(r"^autoresponder")),
    ("preferences", re.compile(r"autoreply")),
    ("content-class", re.compile(r"urn:content-classes:(oof|autoreply)")),
    ("x-content-class", re.compile(r"oof")),
)
# Precedence of vacation(1), Apple Mail's rules and Notes: with a null return path or a subject of an answer.
WEAK_PRECEDENCES = ("bulk", "junk", "list")
SUBJECT_PATTERN = re.compile(
    r"^(re\s?:\s*|aw\s?:\s*|\[?auto\]?\s*:?\s*)?"
    r"(automatic reply|auto[- ]?reply|auto[- ]?response|autoreply|out[ -]of[ -](the[ -])?office|away from my mail"
    r"|vacation (reply|message)|i('m| am) (away|out of|on (holiday|leave|vacation))"
    r"|r[eé]ponse automatique|absen(t|te|ce)\b|absence du bureau|hors du bureau|message d'absence|en cong[eé]s?"
    r"|automatische antwort|abwesenheits|abwesend|automatisch antwoord|afwezig"
    r"|respuesta autom[aá]tica|fuera de la oficina|risposta automatica|fuori (sede|ufficio)|resposta autom[aá]tica)"
    r"|\bis out of the office\b|\best absent(e)? du bureau\b|\(out of office\)|\[out of office\]"
    r"|accus[eé] de r[eé]ception automatique",
)


# Decoding a header takes time that grows faster than its length. A line has 998 at most (RFC 5322, 2.1.1).
MAX_HEADER_CHARACTERS = 2_000


def get_header(message: Message, name: str) -> str:
    """Return the beginning of a header; bytes beyond ASCII, which should be encoded, are read as UTF-8."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            text = str(value)[:MAX_HEADER_CHARACTERS]
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return ""


def decode_words(text: str) -> str:
    """Return a text of a header without encoded words (RFC 2047), on one line; as it is if it cannot be decoded."""
    with suppress(LookupError, UnicodeError, ValueError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def get_subject(message: Message) -> str:
    """Return the decoded subject on one line."""
    return decode_words(get_header(message, "Subject"))


def comes_from_mail_system(message: Message) -> bool:
    """Return whether a message was made by a mail system: by its sender, or by Exim's list of failed recipients."""
    if message.get("X-Failed-Recipients"):
        return True
    for name in ("From", "Sender"):
        display_name, address = parseaddr(str(message.get(name, ""))[:MAX_HEADER_CHARACTERS].lower())
        if DAEMON_PATTERN.search(address) or (address and DAEMON_NAME_PATTERN.search(display_name)):
            return True
    return str(message.get("From", "")).strip().lower() in ("", "<>", "mailer-daemon", "postmaster")


# Programs that hold an email until its sender proves to be a person. Nobody's mailbox is gone, and nobody wrote.
CHALLENGE_PATTERN = re.compile(
    r"mailinblack|boxtrapper|spam ?arrest|\btmda\b|boxbe|challenge[- /]?response|sender (verification|authentication)"
    r"|(verify|confirm|prove) (that )?you('re| are) (a )?(human|real|person|not a (robot|spammer))"
    r"|(authentifi\w+|confirm\w+|prouve\w+).{0,40}(expéditeur|que vous (êtes|n'êtes pas))"
    r"|(message|email|courriel|mail).{0,40}(en attente|held|waiting).{0,60}(authentifi|verif|confirm)"
)


def is_challenge(message: Message) -> bool:
    """Return whether a message asks the sender to prove to be a person, by its sender or its subject."""
    words = f"{str(message.get('From', ''))[:MAX_HEADER_CHARACTERS]} {get_subject(message)}".lower()
    return bool(CHALLENGE_PATTERN.search(words.replace("\u2019", "'")))


def is_auto_reply(message: Message) -> bool:
    """Return whether a message is the answer of a machine to our email: out of office, a receipt."""
    names = {name.lower() for name in message.keys()}  # noqa: SIM118 - a message is no mapping
    if names.intersection(MARKS) or any(MARK_PATTERN.search(name) for name in names):
        return True
    for name, pattern in MARKED_VALUES:
        if any(pattern.search(str(value).strip().lower()) for value in message.get_all(name, [])):
            return True
    if message.get_content_type() == "multipart/report" and "disposition-notification" in str(
        message.get_param("report-type")
    ):
        return True  # a receipt (RFC 8098)
    if SUBJECT_PATTERN.search(get_subject(message).lower().replace("\u2019", "'")):
        return True
    if is_challenge(message):
        return True
    has_null_return_path = str(message.get("Return-Path", "x")).strip() == "<>"
    return has_null_return_path and str(message.get("Precedence", "")).strip().lower() in WEAK_PRECEDENCES
