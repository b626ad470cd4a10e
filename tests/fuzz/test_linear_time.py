"""Every parser takes linear time: eight times the input, about eight times the CPU time."""

import gc
import time
from contextlib import suppress

import pytest
from fuzz import targets

from petition.core import tokens
from petition.core.front_matter import InvalidFile, parse_front_matter_file
from petition.core.logging import _redact
from petition.delivery.bounces.parser import parse_report
from petition.delivery.bounces.webhook_parsers import parse_webhook
from petition.delivery.smtp.responses import sanitize_response
from petition.delivery.suppressions.address_list import parse_address_list
from petition.mailings.content.markdown_to_text import to_text
from petition.mailings.drafting import drafts
from petition.petitions.editing.file_parser import parse_document
from petition.petitions.markdown import find_dropped, text_to_html, to_html
from petition.safeguards.email_corrections import suggest_correction

pytestmark = pytest.mark.slow
BOUNCE_REPORT = (
    b"To: a@b.org\nContent-Type: multipart/report; boundary=b\n\n--b\n"
    b"Content-Type: message/delivery-status\n\n%s\n--b--\n"
)
PETITION_FILE = "---\n%s\n---\n# fr: x\n> y\n\n%s"


def _parse_petition(text):
    with suppress(InvalidFile):
        parse_document(text)


READERS = {
    "token": lambda text: tokens.strip_trailing_characters(text),
    "report": lambda text: parse_report(text.encode()),
    "subject": lambda text: parse_report(b"To: a@b.org\nSubject: " + text.encode()),
    "notification": lambda text: parse_report(BOUNCE_REPORT % text.encode()),
    "type": lambda text: parse_report(b"To: a@b.org\nContent-Type: " + text.encode()),
    "webhook": lambda text: parse_webhook("ses", text.encode()),
    "answer": sanitize_response,
    "log": lambda text: _redact(None, "", {"event": text}),
    "list": parse_address_list,
    "front matter": lambda text: parse_front_matter_file(PETITION_FILE % (text, "z")),
    "file": lambda text: _parse_petition(PETITION_FILE % ("slug: x", text)),
    "html": lambda text: to_html(text),
    "petition": lambda text: (text_to_html(text), find_dropped(text)),
    "pasted": suggest_correction,
    "text": to_text,
    "mailing": lambda text: drafts.validate_body(text),
    "letter": lambda text: targets.fuzz_mailings(text.encode()),
}
CASES = [
    ("token", "=3D", "a"), ("token", "&gt", "!"), ("token", "%3", "a"), ("token", ")", "a"),
    ("report", "<d1.a@", ""), ("report", "<d1." + "a" * 16 + "@", ""), ("report", "X: y\n", ""),
    ("report", "a@b.org ", ""),
    ("report", "5.1.", "!"), ("report", "=?utf-8?q?a?= ", ""), ("report", "<a@b.org>:\n", ""), ("report", "--b\n", ""),
    ("subject", "=?utf-8?q?a?= ", ""), ("subject", "<a@", ""), ("type", ";x*0=a", ""), ("type", ';a="', ""),
    ("notification", "\n\nStatus: 5", ""), ("notification", "Status: 5.1.1\n", ""), ("notification", "--b\n", ""),
    ("webhook", "[", ""), ("webhook", '{"Message":', ""), ("answer", "a@", ""), ("answer", "<", ""),
    ("log", "a", "!"), ("log", "a@", "!"), ("log", "a.", "@"), ("log", "/me/a", ""), ("log", "DETAIL: ", ""),
    ("list", "a@", "!"), ("list", "a@b" + "." * 50, "@"), ("list", '"', "a"),
    ("front matter", "- ", ""), ("front matter", "a: b\n", ""), ("front matter", "&a ", ""), ("front matter", "{", ""),
    ("file", "# fr: x\n", ""), ("file", "> y\n", ""), ("file", "```\n", ""),
    ("html", "*", "!"), ("html", "*a ", ""), ("html", "`", "!"), ("html", "[", ""), ("html", "](", ""),
    ("html", "<a ", ""),
    ("petition", "https://", ""), ("petition", "https://.", ""), ("petition", "<a ", ""), ("petition", "~~a ", ""),
    ("petition", "`", "a"), ("petition", "](a:", ""), ("petition", "|a", ""), ("petition", "| a |\n", ""),
    ("petition", "![a](", ""), ("petition", "|---|\n", ""), ("pasted", "a@ ", "!"), ("pasted", "a@,", "!"),
    ("html", "> ", "a"), ("html", "![a](", ""), ("html", "[a]: b\n", ""), ("html", "&#1;", ""), ("html", "<!--", ""),
    ("text", "*a ", ""), ("text", "[a](b) ", ""), ("text", "- a\n", ""), ("text", "é", ""), ("text", "1. ", ""),
    ("mailing", "{{ name }}", ""), ("mailing", "{% if name %}a{% endif %}", ""), ("mailing", "[a](b) ", ""),
    ("mailing", "{{ city|default('a') }} ", "{{ name }}{{ profession }}{{ organisation }}"), ("mailing", "{#", ""),
    ("letter", "{{ name }} ", ""), ("letter", "[a](https://b.org) ", ""), ("letter", "**a** ", ""),
]  # fmt: skip
LARGE_INPUT_CHARACTERS = {"mailing": 48_000, "letter": 24_000}  # characters; else 100,000
GROWTH_FACTOR = 8


@pytest.mark.parametrize(("reader", "piece", "end"), CASES)
def test_work_grows_with_the_input(app, reader, piece, end):
    large = LARGE_INPUT_CHARACTERS.get(reader, 100_000)
    small = max(_cpu_seconds(READERS[reader], piece, end, large // GROWTH_FACTOR), 0.002)
    assert _cpu_seconds(READERS[reader], piece, end, large) / small < 3 * GROWTH_FACTOR


def _cpu_seconds(reader, piece, end, length):
    """Return the least CPU time of a parser in three runs, as a busy machine adds to it."""
    text = piece * (length // len(piece)) + end
    return min(_measure(reader, text) for _ in range(3))


def _measure(reader, text):
    """Return the CPU time of a parser, without garbage collection."""
    gc.collect()
    gc.disable()
    began = time.thread_time()
    try:
        reader(text)
    finally:
        gc.enable()
    return time.thread_time() - began
