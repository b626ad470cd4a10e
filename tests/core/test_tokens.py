from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from petition.core import tokens

thorough = settings(max_examples=200)
numbers = st.lists(st.integers(0, 2**63 - 1), max_size=4)


@thorough
@given(numbers)
def test_token_round_trip(app, values):
    assert tokens.read("test", tokens.make("test", *values)) == tuple(values)


def test_token_fits_on_a_line_and_ends_in_a_letter_or_digit(app):
    for number in range(0, 5_000_000, 99_991):
        token = tokens.make("test", number, 3)
        assert len(f"https://petition.example.org/c/{token}") <= 76
        assert token[-1].isalnum()


def test_token_is_valid_for_one_purpose_only(app):
    with pytest.raises(tokens.BadToken):
        tokens.read("other", tokens.make("test", 1))


@pytest.mark.parametrize("tail", [".", ">", "=3D", "=3D.", ")", "&gt;", "=", "%3D", ",", "\n", "]>."])
def test_characters_appended_by_mail_programs_are_ignored(app, tail):
    assert tokens.read("test", tokens.make("test", 7) + tail) == (7,)


@thorough
@given(st.text(max_size=300))
def test_arbitrary_text_is_not_a_token(app, text_):
    with pytest.raises(tokens.BadToken):
        tokens.read("test", text_)


@thorough
@given(st.integers(0, 33), st.sampled_from("ABCxyz019-_"))
def test_changed_character_invalidates_the_token(app, position, character):
    token = tokens.make("test", 123456, 2)
    position = min(position, len(token) - 2)  # the last character carries bits that base64 ignores
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(tokens.BadToken):
            tokens.read("test", changed)


def test_token_stays_valid_while_its_key_is_a_fallback(app, monkeypatch):
    token = tokens.make("test", 5)
    old = app.config["SECRET_KEY"]
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key, as long as it has to be")
    with pytest.raises(tokens.BadToken):
        tokens.read("test", token)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [old])
    assert tokens.read("test", token) == (5,)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [])
    with pytest.raises(tokens.BadToken):
        tokens.read("test", token)


def test_expired_token_still_gives_its_values(app, monkeypatch):
    token = tokens.make("test", 5, 6)
    assert tokens.read("test", token, timedelta(days=1)) == (5, 6)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: 1_600_000_000)
    old = tokens.make("test", 5, 6)
    with pytest.raises(tokens.ExpiredToken) as expired:
        tokens.read("test", old, timedelta(days=1))
    assert expired.value.values == (5, 6)
