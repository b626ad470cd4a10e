from datetime import UTC, datetime

from petition.petitions.file_parser import parse_document

VALID_FILE = """---
slug: jardin
kind: petition
default_language: fr
addressee: {fr: la maire, en: the mayor}
sender: {name: Les amis du jardin, reply_to: amis@example.org}
opens: 2026-03-01
closes: 2026-03-31 18:00
asks: [city, profession]
milestones: [100, 200]
professions: {fr: [Avocate, Juge]}
---
# fr: Pour un jardin

> Un jardin
> pour tous.

Madame la maire,

## Pourquoi

Parce que.

# en: For a garden

> A garden for all.

Madam Mayor.
"""


def test_a_sound_file_is_read_whole():
    document = parse_document(VALID_FILE)
    assert document.mistakes == []
    assert document.fields["slug"] == "jardin"
    assert document.fields["reply_to"] == "amis@example.org"
    assert document.fields["asks"] == ["profession", "city"]
    assert document.fields["opens_at"].astimezone(UTC) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    french, english = document.texts
    assert french["summary"] == "Un jardin pour tous."
    assert french["body"].startswith("Madame la maire,")
    assert french["body"].endswith("Parce que.")
    assert (french["addressee"], english["addressee"]) == ("la maire", "the mayor")
    assert (french["professions"], english["professions"]) == (["Avocate", "Juge"], [])


def test_every_mistake_is_told_with_its_line():
    bad = (
        VALID_FILE.replace("slug: jardin", "slug: Le Jardin")
        .replace("kind: petition", "kind: poem")
        .replace("milestones: [100, 200]", "milestones: [200, 100]")
        .replace("asks: [city, profession]", "asks: [shoe_size]")
        .replace("closes: 2026-03-31 18:00", "closes: 2026-02-01\ncolour: green")
        .replace("# en: For a garden", "# de: Für einen Garten")
        .replace("> A garden for all.\n", "")
    )
    assert {line for line, _ in parse_document(bad).mistakes} >= {2, 3, 8, 9, 10, 11}
    advice = " ".join(text for _, text in parse_document(bad).mistakes)
    for word in ("slug", "kind", "milestones", "asks", "colour", "closes", "'de'", "summary"):
        assert word in advice


def test_what_is_no_such_file_is_refused_and_never_crashes():
    for text in (
        "",
        "---",
        "---\n---",
        "---\n- a\n---\n",
        "---\na: [\n---\n",
        "no front matter",
        "---\nslug: 2026-01-01\n---\nx",
        "---\nopens: 2026-99-99\n---\n# fr: A\n> b\n\nc",
    ):
        assert parse_document(text).mistakes


def test_what_an_editor_or_a_slip_leaves_in_a_file_is_named_by_its_line():
    def lines(text):
        return [line for line, _ in parse_document(text).mistakes]

    assert 3 in lines(VALID_FILE.replace("kind: petition", "slug: jardin-2\nkind: petition"))
    assert 18 in lines(VALID_FILE.replace("Madame la maire", "Madame\0 la maire"))
    assert 6 in lines(VALID_FILE.replace("name: Les amis du jardin", 'name: "Les\\0amis"'))
    assert lines("---\n" + "a: " + "[" * 3000 + "\n---\n# fr: T\n> s\n\nb\n")
    assert parse_document(VALID_FILE.replace("Parce que.", "```\n# fr: not a heading\n```")).mistakes == []
    assert len(parse_document("---\nslug: [\n---\n# fr: T\n> s\n\nb\n").mistakes) == 1
