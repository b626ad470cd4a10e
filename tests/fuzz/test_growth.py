"""No reader's work grows faster than what it is given: eight times the input, about eight times the work."""

import gc
import time

import pytest
from fuzz import targets

from petition.core import tokens
from petition.core.logging import _scrub
from petition.delivery.bounces.providers import reports
from petition.delivery.bounces.read import read
from petition.delivery.replies import shorten
from petition.delivery.suppress import read_list
from petition.mailings import write
from petition.mailings.plain import to_text
from petition.petitions import document
from petition.petitions.markdown import to_html

REPORT = (
    b"To: a@b.org\nContent-Type: multipart/report; boundary=b\n\n--b\n"
    b"Content-Type: message/delivery-status\n\n%s\n--b--\n"
)
FILE = "---\n%s\n---\n# fr: x\n> y\n\n%s"
READERS = {
    "token": lambda text: tokens.mend(text),
    "report": lambda text: read(text.encode()),
    "subject": lambda text: read(b"To: a@b.org\nSubject: " + text.encode()),
    "notification": lambda text: read(REPORT % text.encode()),
    "type": lambda text: read(b"To: a@b.org\nContent-Type: " + text.encode()),
    "webhook": lambda text: reports("ses", text.encode()),
    "answer": shorten,
    "log": lambda text: _scrub(None, "", {"event": text}),
    "list": read_list,
    "front matter": lambda text: document.read(FILE % (text, "z")),
    "file": lambda text: document.read(FILE % ("slug: x", text)),
    "html": lambda text: to_html(text),
    "text": to_text,
    "mailing": lambda text: write.body_mistakes(text),
    "letter": lambda text: targets.fuzz_letters(text.encode()),
}
STRETCHED = [
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
    ("html", "> ", "a"), ("html", "![a](", ""), ("html", "[a]: b\n", ""), ("html", "&#1;", ""), ("html", "<!--", ""),
    ("text", "*a ", ""), ("text", "[a](b) ", ""), ("text", "- a\n", ""), ("text", "é", ""), ("text", "1. ", ""),
    ("mailing", "{{ name }}", ""), ("mailing", "{% if name %}a{% endif %}", ""), ("mailing", "[a](b) ", ""),
    ("mailing", "{{ city|default('a') }} ", "{{ name }}{{ profession }}{{ organisation }}"), ("mailing", "{#", ""),
    ("letter", "{{ name }} ", ""), ("letter", "[a](https://b.org) ", ""), ("letter", "**a** ", ""),
]  # fmt: skip
LARGE = {"mailing": 48_000, "letter": 24_000}  # characters; else 100,000
TIMES = 8


@pytest.mark.parametrize(("reader", "piece", "end"), STRETCHED)
def test_work_grows_with_the_input(app, reader, piece, end):
    large = LARGE.get(reader, 100_000)
    small = max(_work(READERS[reader], piece, end, large // TIMES), 0.002)
    assert _work(READERS[reader], piece, end, large) / small < 3 * TIMES


def _work(reader, piece, end, length):
    """Return the processor time that a reader takes; collecting garbage is not its doing."""
    text = piece * (length // len(piece)) + end
    gc.collect()
    gc.disable()
    began = time.thread_time()
    try:
        reader(text)
    finally:
        gc.enable()
    return time.thread_time() - began
