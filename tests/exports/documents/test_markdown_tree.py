"""Any text that a petition may have becomes a document, also where PDF/UA is strict."""

import io

import pikepdf
import pypdfium2
import pytest
from PIL import Image
from support.documents import MOMENT, read_text, squeeze
from support.factories import make_petition

from petition.core.db import db
from petition.exports.documents.content import describe
from petition.exports.documents.markdown_tree import parse_text
from petition.exports.documents.models import DocumentKind
from petition.exports.documents.rendering import render_parts
from petition.petitions.images import add_image

STRANGE = """### Third first

# Then first

#### Then fourth

#

- # Heading in an item
  > - and in a quotation
  > ## Heading
-

1. ## Another

| | |
| --- | --- |
| | |

[](https://example.org) [script](javascript:alert(1)) ![none](/images/00000000000000000000-10x10.gif)

> # Quoted

```typst
#set page(fill: red)
```

---

A word of many letters: @@@@

&lt;b&gt; **bold *both*** 👨‍👩‍👧‍👦 🇫🇷 ₿ soft\u00adhyphen
""".replace("@@@@", "x" * 500)


def make_letter(body):
    petition = make_petition()
    petition.texts["fr"].body = body
    jobs = describe(petition, DocumentKind.LETTER, "fr", MOMENT)
    db.session.commit()
    return render_parts(jobs, MOMENT).content


def test_headings_begin_at_the_first_level_and_skip_none(app):
    nodes, names = parse_text(STRANGE)
    assert [node["level"] for node in nodes if node["type"] == "heading"] == [1, 1, 2]
    assert names == set()


def test_a_strange_text_becomes_a_letter(app):
    text = squeeze(read_text(make_letter(STRANGE)))
    for part in ("Third first", "Heading in an item", "Another", "Quoted", "#set page(fill: red)", "x" * 500, "script"):
        assert squeeze(part) in text


@pytest.mark.parametrize("body", ["", "# Title alone", "-\n-", "***"])
def test_hardly_any_text_becomes_a_letter(app, body):
    assert make_letter(body).startswith(b"%PDF")


def test_an_image_of_the_text_is_in_the_letter_with_its_description(app):
    petition = make_petition()
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, "PNG")
    image = add_image(petition, file.getvalue(), "A red field")
    petition.texts["fr"].body = f"Before\n\n![A red field](/images/{image.name})\n\nAfter"
    jobs = describe(petition, DocumentKind.LETTER, "fr", MOMENT)
    db.session.commit()
    content = render_parts(jobs, MOMENT).content
    with pypdfium2.PdfDocument(content) as document:
        kinds = [item.type for item in document[0].get_objects()]
    assert pypdfium2.raw.FPDF_PAGEOBJ_IMAGE in kinds
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert b"A red field" in b"".join(bytes(str(one.get("/Alt", "")), "utf-8") for one in walk(pdf))


def walk(pdf):
    """Return every structure element of a tagged PDF."""
    found, waiting = [], [pdf.Root.StructTreeRoot]
    while waiting:
        element = waiting.pop()
        found.append(element)
        below = element.get("/K", [])
        waiting += [one for one in (below if isinstance(below, pikepdf.Array) else [below]) if hasattr(one, "keys")]
    return [one for one in found if isinstance(one, pikepdf.Dictionary)]
