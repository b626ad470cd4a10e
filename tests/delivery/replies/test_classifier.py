"""Words, enhanced status and code together; only "no such mailbox" suppresses, and only where nothing contradicts."""

import re
import time
from pathlib import Path

import pytest
from support.bounce_corpus import read_replies, read_reports, replace_tables

from petition.delivery.replies.classifier import ReplyClass, classify
from petition.delivery.replies.statuses import STATUSES, SUBJECTS
from petition.delivery.replies.words import WORDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "replies.md"
MIN_RIGHT = 0.98


@pytest.mark.parametrize(
    ("reply", "reply_class", "gone"),
    [
        ("552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]", "mailbox_full", False),
        ("550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]", "content", False),
        ("550 5.0.0 Service refuse. Veuillez essayer plus tard. OFR004_104 [104]", "rate", False),
        ("550 5.1.1 <a@b.example> Recipient rejected, too many recipients this hour. IB607a", "rate", False),
        ("550 5.2.1 The user is receiving mail at a rate that prevents additional messages", "rate", False),
        ("550 5.0.0 failed", "unknown", False),
        ("550", "unknown", False),
        ("550 5.5.0 Adresse d au moins un destinataire invalide. LPN416 [416]", "no_mailbox", True),
        ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)", "no_mailbox", True),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", "no_mailbox", True),
        ("421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints", "rate", False),
        ("552 5.1.1 no such user", "no_mailbox", False),
        ("550 5.7.1 no such user", "policy", False),
        ("450 4.1.1 no such user", "no_mailbox", False),
        ("550 4.1.1 no such user", "no_mailbox", False),
    ],
)
def test_words_status_and_code_are_read_together(reply, reply_class, gone):
    found = classify(reply)
    assert (found.reply_class, found.gone) == (reply_class, gone)


# Blocks and full mailboxes as servers word them, behind the code that usually means "no such user".
@pytest.mark.parametrize(
    "words",
    [
        "over the allowed quota", "recipient reached disk quota", "the user's space has been used up",
        "user has too many messages on the server", "blocked - see https://example.org/", "go away",
        "bad sender ip address", "sender unknown", "no access from mail server", "hosts with dynamic IP",
        "we do not accept mail from dynamic IPs", "rejecting open proxy", "sender address does not exist",
        "sorry, that domain isn't in my list of allowed rcpthosts", "mail server at 192.0.2.7 is blocked",
        "your server requires confirmation", "unresolvable relay host name",
    ],
)  # fmt: skip
def test_words_about_something_else_contradict_the_code(words):
    assert not classify(f"550 5.1.1 {words}").gone


def test_code_and_status_that_are_known_apart_are_used():
    assert classify("no such user", code=550, status="5.1.1").gone
    assert not classify("no such user", code=450).gone
    assert not classify("no such user", status="4.1.1").gone
    assert classify("smtp; 550 rejected", status="5.1.1").status == "5.1.1"
    assert classify("550 5.7.26 spf", status="5.0.0").status == "5.7.26"


def test_corpus_of_replies_is_classified():
    pairs = list(read_replies())
    wrong = [(expected, found, text) for expected, found, text in pairs if expected != found]
    assert len(pairs) >= 390
    assert len(wrong) <= (1 - MIN_RIGHT) * len(pairs), wrong
    assert not [text for expected, found, text in wrong if found.endswith("+")], "nobody is suppressed wrongly"


def test_corpus_of_reports_is_classified():
    found = list(read_reports())
    wrong = [line for line in found if line[0] != line[1]]
    assert len(found) >= 400
    assert len(wrong) <= (1 - MIN_RIGHT) * len(found), wrong
    assert not [line for line in wrong if line[1] == "permanent"], "nobody is suppressed wrongly"


def test_confusion_tables_of_the_document_are_those_of_the_corpus():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert replace_tables(text) == text, "run tests/support/bounce_corpus.py"


def test_tables_name_classes_and_their_sources():
    assert {name for name, _, _ in WORDS} <= set(ReplyClass)
    assert set(STATUSES.values()) | set(SUBJECTS.values()) <= set(ReplyClass)
    for name, source, patterns in WORDS:
        assert source, name
        for pattern in patterns:
            assert pattern == pattern.lower() or re.search(r"\\[A-Z]", pattern), f"{pattern} can never match"
            assert not re.compile(pattern).search(""), pattern


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000,
        "user " * 3000,
        "ip address " * 2000,
        "<" * 5000,
        "mailbox is " * 2000,
        "1.2.3.4 " * 2000,
        "no " * 4000,
    ],
)
def test_hostile_text_is_classified_quickly(text):
    started = time.thread_time()
    classify(text)
    assert time.thread_time() - started < 1
