import pytest

from petition.delivery.rendering.templates import (
    Literal,
    PreparedEmail,
    Slot,
    Slots,
    WrappedParagraph,
    wrap_paragraph,
)


@pytest.fixture
def slots():
    return Slots("name", "link")


def test_text_is_split_into_literals_and_slots(slots):
    text = f"Hello {slots.placeholder('name')}, {slots.placeholder('link', address=True)}"
    assert slots.split(text) == (Literal("Hello "), Slot("name"), Literal(", "), Slot("link"))
    assert slots.split("") == ()


def test_marked_paragraphs_are_wrapped_once_they_are_filled(app, slots):
    wrapped = app.jinja_env.filters["wrapped"]
    text = f"{slots.placeholder('link')}\n{wrapped('word ' * 20 + slots.placeholder('name'))}\n"
    segments = slots.split_paragraphs(text)
    assert [type(segment) for segment in segments] == [Slot, Literal, WrappedParagraph, Literal]
    email = PreparedEmail((), segments, ())
    link = "https://example.org/" + "x" * 80
    _, body, _ = email.fill({"name": lambda: "Zoé " * 20, "link": lambda: link})
    assert body.startswith(f"{link}\n")
    assert max(map(len, body.splitlines()[1:])) <= 74
    assert body.split() == [link, *["word"] * 20, *["Zoé"] * 20]


def test_only_values_in_use_are_asked_for_and_once_each(slots):
    asked = []

    def value():
        asked.append("name")
        return "<Zoé>"

    segments = (Slot("name"), Literal(" & "), Slot("name"))
    subject, _, html = PreparedEmail(segments, (), segments).fill({"name": value})
    assert asked == ["name"]
    assert subject == "<Zoé> & <Zoé>"
    assert html == "&lt;Zoé&gt; & &lt;Zoé&gt;"


def test_value_that_looks_like_a_slot_is_not_filled(slots):
    email = PreparedEmail((Slot("name"),), (), ())
    value = slots.placeholder("link")
    assert email.fill({"name": lambda: value, "link": lambda: "filled"})[0] == value


def test_wrapping_keeps_no_break_spaces_and_long_words():
    phrase = "«\u00a0" + "a" * 30 + "\u00a0»"
    lines = wrap_paragraph(f"{'b' * 50} {phrase} {'c' * 90} d").split("\n")
    assert lines == ["b" * 50, phrase, "c" * 90, "d"]
