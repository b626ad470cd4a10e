"""Headers of emails are read as they were written, by any program that decodes encoded words (RFC 2047)."""

from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest

from petition.delivery.rendering.message import OutgoingMessage

LETTER = (
    "Signature à confirmer : Pour une bibliothèque à Nîmes ; l’été où naît l’œuvre, « déjà très près » (élève) 2026 "
    "naît où déjà élève bibliothèque très été à là-bas"
)
TEXTS = ["Signature à confirmer : Pour une bibliothèque à Nîmes", "News", "é" * 300, "日本語 の 署名 " * 12, "à"]
TEXTS += [LETTER[first:last] for first in (0, 10, 22, 40) for last in range(first + 25, len(LETTER), 7)]


def read_headers(app, text, to="zoe@example.org"):
    with app.app_context():
        raw = OutgoingMessage(to, text, "fr", subject=text, body="a", html="a").as_bytes()
    lines = raw.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", "\n ").split("\r\n")
    return dict(line.split(": ", 1) for line in lines)


def decode(value):
    return str(make_header(decode_header(value)))


@pytest.mark.parametrize("text", TEXTS)
def test_a_subject_and_a_name_keep_every_letter_and_every_space(app, text):
    text = " ".join(text.split())
    headers = read_headers(app, text)
    assert decode(headers["Subject"]) == text
    name, address = parseaddr(headers["From"].replace("\n", ""))
    assert (decode(name), address) == (text, "petition@example.org")
    lines = [f"{name}: {headers[name]}".split("\n") for name in ("Subject", "From")]
    assert max(len(line) for both in lines for line in both) <= 78


@pytest.mark.parametrize("name", ["Alix\r\nBcc: x@example.org", "Zoé\r\nBcc: x@example.org", "Zoé\nMartin"])
def test_a_name_with_a_line_break_is_refused(app, name):
    with app.app_context(), pytest.raises(ValueError, match=r"line break|CR or LF"):
        OutgoingMessage("zoe@example.org", name, "fr", subject="News", body="a", html="a").as_bytes()
