"""Limits beyond which a mailing pauses by itself."""

import pytest

from petition.mailings.labels import reason_label
from petition.mailings.limits import ExceededLimit, find_exceeded_limit, format_exceeded_limit, parse_exceeded_limit
from petition.mailings.models import Mailing
from petition.mailings.progress import Progress

STATES = dict.fromkeys(("due", "sending", "sent", "deferred", "failed", "unknown", "cancelled", "suppressed"), 0)


@pytest.mark.parametrize(
    ("sent", "failed", "unsubscribed", "baseline", "expected"),
    [
        (95, 5, 2, {}, None),
        (94, 6, 0, {}, ("failed", 0.06)),
        (100, 0, 3, {}, ("unsubscribed", 0.03)),
        (40, 9, 9, {}, None),  # too few to tell
        (194, 6, 0, {"tried": 100}, ("failed", 0.06)),
        (194, 6, 3, {"tried": 100, "failed": 6, "unsubscribed": 3}, None),
    ],
)
def test_limits_apply_to_what_was_tried_since_the_last_resume(sent, failed, unsubscribed, baseline, expected):
    mailing = Mailing(failure_limit=0.05, unsubscribe_limit=0.02, limits_baseline=baseline)
    exceeded = find_exceeded_limit(
        mailing, Progress({**STATES, "sent": sent, "failed": failed}, unsubscribed, 0, 1, None)
    )
    assert (exceeded[:2] if exceeded else None) == expected


def test_stored_text_of_a_limit_is_read_back():
    exceeded = ExceededLimit("failed", 0.08, 0.05)
    assert format_exceeded_limit(exceeded) == "limit failed 0.0800 0.0500"
    assert parse_exceeded_limit("limit failed 0.0800 0.0500") == exceeded
    assert parse_exceeded_limit("limit of my patience 0.1 0.2") is None


def test_reason_is_a_sentence_or_what_a_person_wrote(app):
    with app.test_request_context():
        assert reason_label("limit failed 0.0612 0.0500", "en") == "6.1% of the emails failed; the limit is 5%"
        assert "2,5\u00a0%" in reason_label("limit unsubscribed 0.0250 0.0200", "fr")
        assert reason_label("a typo", "en") == "a typo"
        assert reason_label(None) == ""
