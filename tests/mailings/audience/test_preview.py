"""Counts of the audience."""

from support.factories import make_mailing, make_petition, make_signature

from petition.mailings.audience.preview import count_audience


def test_count_is_exact_with_exclusion_reasons(app):
    petition = make_petition()
    for n, (state, updates, locale) in enumerate(
        [("confirmed", True, "fr"), ("confirmed", True, "en"), ("confirmed", False, "fr"), ("pending", True, "fr"),
         ("withdrawn", True, "fr"), ("invalidated", True, "fr"), ("quarantined", True, "fr"),
         ("quarantined", False, "fr")]):  # fmt: skip
        make_signature(petition, email=f"s{n}@example.org", state=state, updates=updates, locale=locale)
    mailing = make_mailing(petition)
    found = count_audience(mailing)
    assert (found["recipients"], found["languages"], found["domains"]) == (2, {"fr": 1, "en": 1}, [["example.org", 2]])
    assert found["left_out"] == {
        "no consent": 2,
        "quarantined": 1,
        "not confirmed": 1,
        "withdrawn or struck": 2,
        "suppressed": 0,
    }
