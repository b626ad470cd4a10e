"""Read bounces that follow no standard: the addresses that failed, and the notice without the copy of our email."""

import html
import logging
import re
from email.message import Message

from flufl.bounce._scan import _DETECTORS  # each alone: one that fails on a message must not lose the others' answers

MAX_NOTICE_CHARACTERS = 4000
MAX_LINE_CHARACTERS = 1000
log = logging.getLogger("flufl.bounce")
log.setLevel(logging.CRITICAL)  # it logs whole messages of detectors that fail

# The line where a notice ends and the copy of our email begins, without the marks before it. Looked for line by line:
# over a whole text, which anybody can send, the time would grow with the cube of a line.
LINE_MARKS = " \t>|*-"
COPY_PATTERN = re.compile(
    r"(?i)below this line is a copy|(a|the) copy of (the|your) (original )?message"
    r"|(this is|here is|included is) a copy of|original message( follows| text| headers?)?:?[ \t-]*$"
    r"|returned mail follows|message (text|headers?|body) follows|unsent message (below|follows)"
    r"|returned message.*start|copie de votre message|message d'origine"
    r"|^(start of returned message|received: from |return-path: |message-id: |message header follows)"
)
DELAY_PATTERN = re.compile(
    r"will (be retried|continue to|keep (re)?trying|retry)|(still|is) being retried|not yet (been )?deliver"
    r"|delivery attempts will continue|no action is required|delivery (is )?delayed|delayed mail|delay(ed)? in delivery"
    r"|has been delayed|this is (just )?a warning|(warning|attention)[ :].{0,60}(not (yet )?deliver|delayed|retr|hours)"
    r"|delivery status notification \(delay\)|temporarily delayed|does not need to be re-?sent|has been postponed"
    r"|retard(ée)? (de|dans la) (distribution|livraison)|sera (retent|réessay)|nouvelles? tentatives?"
)
FINAL_PATTERN = re.compile(
    r"permanent (error|failure)|giving up|given up|returned to sender|could not be delivered|failure notice|final"
)
DELIVERED_PATTERN = re.compile(
    r"(was|has been) (successfully )?delivered( to|\.)|successful mail delivery"
    r"|delivery status notification \(success\)"
    r"|delivered to the following recipients?"
)


def find_failures(message: Message) -> tuple[str, bool]:
    """Return the first address that failed, or "", and whether it is a warning while retries are under way."""
    header = str(message.get("X-Failed-Recipients", "")).split(",")[0].strip()
    if header:
        return header, False
    for detector in _DETECTORS:
        try:
            temporary, permanent = detector().process(message)
        except Exception as error:  # a library's detector, on what anybody can send
            log.debug("a detector failed: %s", type(error).__name__)
            continue
        for addresses in (permanent, temporary):
            if addresses:
                return sorted(addresses)[0].decode("ascii", "replace"), not permanent
    return "", False


def get_notice(message: Message) -> str:
    """Return the words of the mail system, in one language after another, without the copy of our email."""
    texts: dict[str, str] = {}
    for part in message.walk():
        content_type = part.get_content_type()
        if content_type == "message/rfc822":
            break  # what follows is our own email
        if content_type in ("text/plain", "text/html") and content_type not in texts:
            texts[content_type] = _decode(part)
    text = texts.get("text/plain") or _strip_tags(texts.get("text/html", ""))
    return _cut_copy(text)[:MAX_NOTICE_CHARACTERS]


def _cut_copy(text: str) -> str:
    """Return a notice up to the copy of our email.

    An introduction may name the copy; what was said before it, and the reason, are more than a line.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if COPY_PATTERN.search(line[:MAX_LINE_CHARACTERS].strip("\r").lstrip(LINE_MARKS)):
            before = "\n".join(lines[:number])
            if before.strip().count("\n") >= 1:
                return before
    return text


def is_delay(text: str) -> bool:
    """Return whether a notice says that retries are under way."""
    text = " ".join(text.lower().split())
    return bool(DELAY_PATTERN.search(text)) and not FINAL_PATTERN.search(text.replace("could not be delivered for", ""))


def is_delivered(text: str) -> bool:
    """Return whether a notice says that the email arrived."""
    return bool(DELIVERED_PATTERN.search(" ".join(text.lower().split())))


def _decode(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        return payload[:65536].decode(charset, "replace")
    except LookupError:
        return payload[:65536].decode("latin-1")


def _strip_tags(text: str) -> str:
    # Without its end, it is the rest of the text: as browsers have it, and in linear time.
    text = re.sub(r"(?is)<(style|script)\b.*?(</\1>|\Z)", " ", text[:65536])
    text = re.sub(r"(?i)<(br|/p|/tr|/div|/h\d)[^<>]{0,200}>", "\n", text)
    return html.unescape(re.sub(r"<[^<>@]{0,2000}>", " ", text))
