"""What documents say: read back from the PDF as a reader's program would."""

import io
import re
from datetime import timedelta

import pikepdf
import pypdfium2
import pytest
from PIL import Image
from support.documents import MOMENT, NAMES, add_names, read_text, squeeze
from support.factories import make_petition

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.exports.documents import names
from petition.exports.documents.content import SHEET_LINES, SHEETS, describe, make_qr_code
from petition.exports.documents.models import DocumentKind
from petition.exports.documents.rendering import render_parts
from petition.petitions.counters import increment

MINUTES = (MOMENT, MOMENT + timedelta(minutes=1))
LETTER = """# Ce que nous demandons

Un *jardin* **pour tous**, [ici](https://example.org/jardin).

1. De l’eau
2. Des arbres

> Un jardin est un droit.

| Quoi | Combien |
| --- | --- |
| Arbres | 12 |

`#set page(fill: red)` et $x^2$ et @ref et <label> et \\\\#import.
"""


ACCENT = (11, 90, 107)
ARABIC = {
    "ar": {"title": "من أجل حديقة عامة مفتوحة للجميع في وسط المدينة", "summary": "حديقة للجميع.", "addressee": "العمدة"}
}
LONG = {
    "fr": {
        "title": ("Pour un jardin dans toutes les villes et " * 5)[:200], "summary": "Un jardin. " * 30,
        "addressee": ("la maire et le conseil municipal, " * 6)[:200],
    }
}  # fmt: skip


def make(petition, kind=DocumentKind.SIGNATORIES, language="fr", moment=MOMENT):
    jobs = describe(petition, kind, language, moment)
    db.session.commit()  # no transaction is open meanwhile
    return render_parts(jobs, moment)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_in_the_list_as_typed(app, name):
    petition = make_petition()
    add_names(petition, [name])
    assert squeeze(name) in squeeze(read_text(make(petition).content))


def test_all_names_are_in_one_list(app):
    petition = make_petition()
    add_names(petition, NAMES)
    text = squeeze(read_text(make(petition).content))
    assert "\ufffd" not in text
    for name in ("王小明", "अनीताशर्मा", '#include"/etc/passwd"', "A" * 120):
        assert name in text


def test_a_character_that_is_in_no_font_is_spelt_out(app):
    petition = make_petition()
    add_names(petition, ["Ada \U00012000\U0001b170"])
    assert "Ada [U+12000][U+1B170]".replace(" ", "") in squeeze(read_text(make(petition).content))


def test_a_letter_reads_in_its_order(app):
    petition = make_petition(kind="open_letter")
    petition.texts["fr"].body = LETTER
    db.session.commit()
    increment(petition.id, 1, "person", 2)
    add_names(petition, ["x"], party="organisation", organisation="Ban public")
    made = make(petition, DocumentKind.LETTER)
    text = squeeze(read_text(made.content))
    parts = (
        "Lettre ouverte", "la maire", "Pour un jardin", "Ce que nous demandons", "Un jardin pour tous, ici.",
        "De l’eau", "Un jardin est un droit.", "Quoi", "12", "#set page(fill: red) et $x^2$ et @ref et <label>",
        "Ban public", "Signatures confirmées le 27 novembre 2026 à 16:00 : 2 personnes", "page 1 sur 1",
    )  # fmt: skip
    positions = [text.index(squeeze(part)) for part in parts]
    assert positions == sorted(positions)
    english = squeeze(read_text(make(petition, DocumentKind.LETTER, "en").content))
    assert squeeze("Confirmed signatures on 27 November 2026 at 16:00: 2 people") in english


def test_counts_say_who_is_not_named(app):
    petition = make_petition()
    increment(petition.id, 1, "person", 1_200)
    increment(petition.id, 1, "organisation", 2)
    increment(petition.id, 1, "paper", 40)
    add_names(petition, ["Ada"], profession="Avocate")
    text = squeeze(read_text(make(petition, language="en").content))
    for line in (
        "1,200 people and 2 organisations", "1,201 of them are counted and not named here.", "40 more signed on paper",
        "Revision 1 of the text.",
    ):  # fmt: skip
        assert squeeze(line) in text
    assert squeeze("Ada, avocate") in squeeze(read_text(make(petition).content))


@pytest.mark.parametrize(("state", "said"), [("open", "No name is shown so far."), ("closed", "No name is shown.")])
def test_a_list_without_names_says_so(app, state, said):
    text = squeeze(read_text(make(make_petition(state=state), language="en").content))
    assert squeeze(said) in text
    assert ("sofar" in text) == (state == "open")


def test_names_are_in_alphabetical_order_organisations_first(app):
    petition = make_petition()
    add_names(petition, ["Zoé", "élue", "Éluard", "Ελένη", "Œuvre", "Olga", "adèle"])
    for number, name in enumerate(["Zèbre", "Âge"], 100):
        values = {"party": "organisation", "organisation": name, "email_canonical": name, "confirmed_no": number}
        add_names(petition, ["x"], **values)
    text = read_text(make(petition).content)
    names = ["Âge", "Zèbre", "adèle", "Éluard", "élue", "Œuvre", "Olga", "Zoé", "Ελένη"]
    assert [text.index(name) for name in names] == sorted(text.index(name) for name in names)


@pytest.mark.parametrize("hidden", [
    {"listed": False}, {"state": "withdrawn"}, {"state": "pending"}, {"review": "waiting"}, {"review": "rejected"},
    {"restricted_at": MOMENT},
])  # fmt: skip
def test_only_those_who_may_be_named_are(app, hidden):
    petition = make_petition()
    add_names(petition, ["Nora Secret"], **hidden)
    assert "Secret" not in read_text(make(petition).content)


@pytest.mark.parametrize("kind", [kind for kind in DocumentKind if kind != DocumentKind.CARD])
@pytest.mark.parametrize("language", LANGUAGES)
def test_pdfs_are_tagged_and_for_archives(app, kind, language):
    petition = make_petition()
    add_names(petition, ["Ada"])
    with pikepdf.open(io.BytesIO(make(petition, kind, language).content)) as pdf:
        assert pdf.Root.Lang == language
        assert pdf.Root.MarkInfo.Marked
        assert pdf.Root.StructTreeRoot.K[0].S == "/Document"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        metadata = pdf.open_metadata()
        assert "Pour un jardin" in metadata["dc:title"] or "For a garden" in metadata["dc:title"]
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
        assert metadata["pdfuaid:part"] == "1"
        for page in pdf.pages:
            for font in page.resources.get("/Font", {}).values():
                descendant = font.get("/DescendantFonts", [font])[0]
                assert {"/FontFile2", "/FontFile3"} & set(descendant.FontDescriptor.keys()), "a font is not embedded"


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(app):
    petition = make_petition()
    add_names(petition, NAMES)
    for kind in DocumentKind:
        assert make(petition, kind).content == make(petition, kind).content


def test_a_card_is_a_picture_of_the_size_that_sites_expect(app):
    with Image.open(io.BytesIO(make(make_petition(), DocumentKind.CARD).content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 630))


@pytest.mark.parametrize("texts", [ARABIC, LONG])
def test_a_card_is_one_picture_whatever_its_texts(app, texts):
    petition = make_petition(texts=texts, kind="open_letter", sender_name="Les amis du jardin " * 6)
    [language] = texts
    picture = Image.open(io.BytesIO(make(petition, DocumentKind.CARD, language).content)).convert("RGB")
    assert picture.size == (1200, 630)
    edges = [picture.getpixel((x, 300)) for x in (5, 1195)]
    assert edges[language == "ar"] == ACCENT, "the coloured edge is where reading begins"
    assert edges[language != "ar"] != ACCENT


def test_documents_in_arabic_are_read_from_the_right(app):
    petition = make_petition(texts=ARABIC, kind="open_letter", sender_name="Garden")
    for kind in (DocumentKind.LETTER, DocumentKind.SIGNATORIES, DocumentKind.POSTER, DocumentKind.SHEET):
        with pypdfium2.PdfDocument(make(petition, kind, "ar").content) as document:
            page = document[0]
            width, text = page.get_width(), page.get_textpage()
            boxes = [text.get_rect(number) for number in range(text.count_rects())]
            starts = [right for _left, _bottom, right, _top in boxes if right > width / 2]
            assert width - max(starts) < 72, "lines begin at the right margin"
            if kind == DocumentKind.LETTER:
                found = text.search("Garden")
                places = [text.get_charbox(hit[0]) for hit in iter(found.get_next, None)]
                assert places[0][0] > width / 2, "who writes"
                assert places[-1][0] < width / 4, "who signs, where lines end"


def test_a_poster_is_a4_or_a3_and_its_code_leads_to_the_page(app):
    petition = make_petition()
    sizes = {}
    for kind in (DocumentKind.POSTER, DocumentKind.POSTER_A3):
        with pypdfium2.PdfDocument(make(petition, kind).content) as document:
            assert len(document) == 1
            sizes[kind] = [round(side / 72 * 25.4) for side in document[0].get_size()]
    assert sizes == {DocumentKind.POSTER: [210, 297], DocumentKind.POSTER_A3: [297, 420]}
    [job] = describe(petition, DocumentKind.POSTER, "en", MOMENT)
    assert job.images["qr.svg"] == make_qr_code("http://localhost/p/jardin?lang=en")


@pytest.mark.slow
@pytest.mark.parametrize("title", ["Un", "Pour " + "un accès " * 20])
def test_long_texts_fit_poster_and_sheets(app, title):
    summary = "Nous demandons que " + "tout le monde le puisse, " * 20
    texts = {"fr": {"title": title, "summary": summary, "addressee": "la maire"}}
    petition = make_petition(texts=texts)
    assert make(petition, DocumentKind.POSTER).pages == 1
    assert make(petition, DocumentKind.SHEET).pages == SHEETS


def test_a_poster_breaks_no_word_that_fits_a_line(app):
    summary = (
        "Quelque 72 000 personnes sont détenues en France, sans accès à Internet, alors que l’on apprend, travaille, "
        "se défend et prépare sa vie en ligne. Nous demandons à la Première ministre d’ouvrir cet accès, dans un cadre "
        "clair et sûr."
    )
    petition = make_petition(texts={"fr": {"title": "Un accès", "summary": summary, "addressee": "la ministre"}})
    shown = read_text(make(petition, DocumentKind.POSTER).content)
    assert " ".join(shown.split()).count(" ".join(summary.split())) == 1


def test_each_line_on_paper_has_a_code_and_a_slip_with_it(app):
    petition = make_petition(reply_to="contact@example.org")
    texts = [read_text(make(petition, DocumentKind.SHEET, "en", moment).content) for moment in MINUTES]
    codes = [re.findall(r"For you to keep: (\w{5}-\d-\d\d)", text) for text in texts]
    assert len(codes[0]) == SHEETS * SHEET_LINES
    assert len({*codes[0], *codes[1]}) == 2 * SHEETS * SHEET_LINES
    assert "write to contact@example.org with this number" in " ".join(texts[0].split())


def test_a_petition_that_publishes_no_names_has_none_in_its_letter(app):
    petition = make_petition(listing="none")
    add_names(petition, ["x"], party="organisation", organisation="Ban public")
    assert "Ban public" not in read_text(make(petition, DocumentKind.LETTER).content)


@pytest.mark.slow
def test_a_long_list_is_made_in_parts_with_one_numbering(app, monkeypatch):
    monkeypatch.setattr(names, "MAX_PART_NAMES", 40)
    petition = make_petition()
    people = [f"{letter}{number:03} Nom" for letter in "ABC" for number in range(50)]
    add_names(petition, people)
    steps = []
    jobs = describe(petition, DocumentKind.SIGNATORIES, "en", MOMENT)
    db.session.commit()
    made = render_parts(jobs, MOMENT, steps.append)
    assert steps == sorted(steps)
    assert len(steps) > 4
    with pypdfium2.PdfDocument(made.content) as document:
        texts = [page.get_textpage().get_text_bounded() for page in document]
        bookmarks = [(item.level, item.get_title()) for item in document.get_toc()]
    assert len(texts) == made.pages
    for number, text in enumerate(texts, 1):
        assert f"page {number} of {made.pages}" in text
    whole = squeeze("".join(texts))
    assert all(whole.count(squeeze(name)) == 1 for name in people)
    assert [title for _level, title in bookmarks if len(title) == 1] == ["A", "A", "B", "B", "C", "C"]
    with pikepdf.open(io.BytesIO(made.content)) as pdf:
        keys = [int(page.obj.StructParents) for page in pdf.pages]
        tags = pdf.Root.StructTreeRoot
        numbers = [int(key) for key in list(tags.ParentTree.Nums)[::2]]
        assert numbers == sorted(set(numbers))
        assert set(keys) <= set(numbers)
        assert len(set(keys)) == made.pages
        assert all(tags.K[0] == element.P for element in tags.K[0].K)
        assert f"NPages>{made.pages}<".encode() in pdf.Root.Metadata.read_bytes()
