from datetime import UTC, datetime

import pytest

from petition.core.front_matter import InvalidFile
from petition.petitions.editing.file_parser import parse_document

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


pytestmark = pytest.mark.usefixtures("app")


def problems_of(text):
    with pytest.raises(InvalidFile) as error:
        parse_document(text)
    return error.value.problems


def test_parses_settings_and_texts():
    document = parse_document(VALID_FILE)
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


def test_the_list_is_indexed_only_where_the_file_says_so():
    assert parse_document(VALID_FILE).fields["list_indexed"] is False
    said = VALID_FILE.replace("asks:", "list_indexed: true\nasks:")
    assert parse_document(said).fields["list_indexed"] is True
    (problem,) = problems_of(said.replace("true", "perhaps"))
    assert problem[0] == 9


def test_a_file_has_the_policies_against_forged_signatures():
    fields = parse_document(VALID_FILE).fields
    assert (fields["challenge"], fields["disposable_addresses"]) == ("automatic", "accept")
    for line, challenge in (("on", "on"), ("off", "off"), ("automatic", "automatic")):  # two are booleans in YAML
        said = VALID_FILE.replace("asks:", f"challenge: {line}\ndisposable_addresses: refuse\nasks:")
        fields = parse_document(said).fields
        assert (fields["challenge"], fields["disposable_addresses"]) == (challenge, "refuse")
    assert problems_of(VALID_FILE.replace("asks:", "challenge: 1\nasks:"))


def test_a_file_says_after_how_many_months_names_are_erased():
    assert parse_document(VALID_FILE).fields["retention_months"] is None
    said = VALID_FILE.replace("asks:", "retention_months: 6\nasks:")
    assert parse_document(said).fields["retention_months"] == 6
    for wrong in ("0", "121", "six", "true", "6.5", "[6]"):
        (problem,) = problems_of(said.replace("months: 6", f"months: {wrong}"))
        assert problem[0] == 9


def test_a_file_may_have_the_words_of_emails_thank_you_page_and_box_for_news():
    french, english = parse_document(VALID_FILE).texts
    assert (french["email_intro"], french["consent"]) == ("", "")
    words = 'email_intro: {fr: Merci à vous., en: Thank you.}\nthanks: {fr: "Venez [ici](https://a.example)."}\n'
    said = VALID_FILE.replace("asks:", words + "consent: {fr: Les amis du jardin peuvent m’écrire.}\nasks:")
    french, english = parse_document(said).texts
    assert (french["email_intro"], english["email_intro"]) == ("Merci à vous.", "Thank you.")
    assert french["thanks"] == "Venez [ici](https://a.example)."
    assert (english["thanks"], english["consent"]) == ("", "")
    assert [line for line, _ in problems_of(said.replace("Les amis du jardin peuvent", "On peut"))] == [11]
    assert [line for line, _ in problems_of(said.replace("Merci à vous.", "Voir evil.com"))] == [9]


def test_reports_every_error_with_its_line():
    bad = (
        VALID_FILE.replace("slug: jardin", "slug: Le Jardin")
        .replace("kind: petition", "kind: poem")
        .replace("milestones: [100, 200]", "milestones: [200, 100]")
        .replace("asks: [city, profession]", "asks: [shoe_size]")
        .replace("closes: 2026-03-31 18:00", "closes: 2026-02-01\ncolour: green")
        .replace("# en: For a garden", "# de: Für einen Garten")
        .replace("> A garden for all.\n", "")
    )
    problems = problems_of(bad)
    assert {line for line, _ in problems} >= {2, 3, 8, 9, 10, 11}
    messages = " ".join(message for _, message in problems)
    for word in ("slug", "kind", "milestones", "asks", "colour", "closes", "'de'"):
        assert word in messages


def test_refuses_files_of_another_kind():
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
        assert problems_of(text)


def test_reports_the_line_of_duplicate_keys_and_unprintable_characters():
    def lines(text):
        return [line for line, _ in problems_of(text)]

    assert 3 in lines(VALID_FILE.replace("kind: petition", "slug: jardin-2\nkind: petition"))
    assert 18 in lines(VALID_FILE.replace("Madame la maire", "Madame\0 la maire"))
    assert 6 in lines(VALID_FILE.replace("name: Les amis du jardin", 'name: "Les\\0amis"'))
    assert lines("---\n" + "a: " + "[" * 3000 + "\n---\n# fr: T\n> s\n\nb\n")
    document = parse_document(VALID_FILE.replace("Parce que.", "```\n# fr: not a heading\n```"))
    assert document.texts[0]["body"].endswith("# fr: not a heading\n```")
    assert len(problems_of("---\nslug: [\n---\n# fr: T\n> s\n\nb\n")) == 1


def test_reports_missing_settings_and_an_empty_summary():
    problems = problems_of(VALID_FILE.replace("slug: jardin\n", "").replace("> A garden for all.\n", ""))
    assert (1, "slug is missing") in problems
    assert any(message.startswith("en.summary: ") and line > 20 for line, message in problems)


def test_refuses_yaml_aliases():
    bomb = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    ((line, message),) = problems_of(f"---\na0: &a0 [x]\n{bomb}---\n# fr: T\n> s\n\nb\n")
    assert line == 3
    assert "aliases" in message


def test_reports_footnotes_with_their_lines():
    found = problems_of(VALID_FILE.replace("Parce que.", "Parce que[^1].\n\n[^1]: Un rapport."))
    assert len(found) == 2
    assert found[1][0] == found[0][0] + 2
    assert all("note" in message for _, message in found)


def test_sites_and_words_to_share_are_read_from_a_file():
    said = VALID_FILE.replace(
        "asks:", "embed_origins: [blog.example/page, 'https://www.example.org']\nshare_text: {fr: Signez}\nasks:"
    )
    document = parse_document(said)
    assert document.fields["embed_origins"] == ["https://blog.example", "https://www.example.org"]
    assert next(text for text in document.texts if text["language"] == "fr")["share_text"] == "Signez"
    with pytest.raises(InvalidFile, match=r"line 9: embed_origins: .{20}"):
        parse_document(VALID_FILE.replace("asks:", "embed_origins: ['*']\nasks:"))
