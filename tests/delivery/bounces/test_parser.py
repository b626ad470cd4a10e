import logging
from pathlib import Path

import pytest
from support.bounce_reports import make_notification
from support.processor_time import at_most

from petition.delivery.bounces import text_bounces
from petition.delivery.bounces.models import KINDS
from petition.delivery.bounces.parser import parse_report

SAMPLES = Path(__file__).parent / "samples"  # as mail servers write them, with addresses of ours
EXPECTED = {
    "postfix": ("permanent", "5.1.1", "zoe@example.org"),
    "postfix-mailbox-full": ("soft", "5.2.2", "zoe@example.org"),
    "postfix-delayed": ("delayed", "4.4.1", "zoe@example.org"),
    "gateway-vague-status": ("policy", "5.7.26", "zoe@example.org"),
    "exchange": ("permanent", "5.1.10", "zoe@example.org"),
    "exim": ("permanent", "5.1.1", "zoe@example.org"),
    "qmail": ("permanent", "5.1.1", "zoe@example.org"),
    "qmail-policy": ("policy", "5.7.1", "zoe@example.org"),
    "smail": ("soft", "", "zoe@example.org"),
    "abuse-report": ("complaint", "", "zoe@example.org"),
    "not-spam-report": ("delayed", "", "zoe@example.org"),
    "out-of-office": ("delayed", "", ""),
    "personal-reply": ("not_understood", "", ""),
}


def test_every_sample_has_an_expectation():
    assert {path.stem for path in SAMPLES.glob("*.eml")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_report_is_parsed(name):
    report = parse_report((SAMPLES / f"{name}.eml").read_bytes())
    assert (report.kind, report.status, report.failed_address) == EXPECTED[name]
    assert "zoe@" not in report.response


def test_recipients_of_a_report_include_the_delivery_address():
    report = parse_report((SAMPLES / "postfix.eml").read_bytes())
    assert "petition+b1-0123456789abcdef@example.org" in report.recipients


def make_nested_message(depth):
    inner = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for n in range(depth):
        inner = (
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) + inner + b"\r\n--b%d--\r\n" % n
        )
    return inner


HOSTILE = {
    "nothing": b"",
    "nul": b"\0" * 5000,
    "nested": make_nested_message(100),
    "nested further": make_nested_message(3000),
    "broken charset": b"Content-Type: text/plain; charset=\xff\xfe\r\nSubject: =?x-unknown?q?=FF?=\r\n\r\n\xff",
    "headers": b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "long": b"To: " + b"a" * 5_000_000,
    "no blocks": b"Content-Type: message/delivery-status\r\n\r\n",
    "no original": b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/feedback-report\r\n\r\n\r\n--b--\r\n",
    "date": b"Date: \r\n Mon, 99\r\nTo: <>@<>\r\n\r\n",
    "status": make_notification("x@y.z", status="5." * 500),
    "surrogates": b"Subject: \xed\xa0\x80\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_message_is_parsed_without_error(name):
    report = parse_report(HOSTILE[name])
    assert report.kind in KINDS
    assert len(report.response) <= 200


def test_failing_detector_is_not_logged():
    assert not logging.getLogger("flufl.bounce").isEnabledFor(logging.WARNING)


def test_failing_detector_does_not_lose_the_report(monkeypatch):
    class FailingDetector:
        def process(self, message):
            raise TypeError("a detector that fails")

    monkeypatch.setattr(text_bounces, "_DETECTORS", [FailingDetector, *text_bounces._DETECTORS])
    report = parse_report((SAMPLES / "qmail.eml").read_bytes())
    assert (report.kind, report.failed_address) == EXPECTED["qmail"][::2]


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
@pytest.mark.parametrize("text", ["*", ",", "a", " ", "-", "<style", "<style>", "a copy of ", "returned message "])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable"])
def test_an_endless_line_takes_no_time(text, content_type, encoding):
    """It took the cube of its length: one email stopped the reading of the mailbox for minutes."""
    line = text * (60_000 // len(text))
    wrapped = "=\n".join(line[start : start + 70] for start in range(0, len(line), 70))
    head = f"From: MAILER-DAEMON@example.org\nContent-Transfer-Encoding: {encoding}\nContent-Type: {content_type}\n\n"
    body = f"Delivery failed:\n550 5.1.1 user unknown\n{wrapped if encoding == 'quoted-printable' else line}\n"
    with at_most(2):
        report = parse_report((head + body).encode())
    assert report.status == "5.1.1"
