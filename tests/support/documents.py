"""Names as people may type them, and the text of a PDF as a reader's program finds it."""

from datetime import UTC, datetime
from typing import Any

import pypdfium2

from petition.core.db import db
from petition.petitions.models import Petition
from petition.signatures.models import Signature

MOMENT = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
# As typed: twelve scripts, no space, symbols, and what other programs would take for a command.
NAMES = [
    "Élodie Lefèvre", "محمد علي", "שרה כהן", "王小明", "山田さくら", "김철수",
    "अनीता शर्मा", "สมชาย ใจดี", "გიორგი ბერიძე",
    "Հայկ Գրիգորյան", "Ελένη Παππά", "Олександра Шевченко", "ⵉⴷⵉⵔ", "བསྟན་འཛིན", "Zoë 😀",
    "A" * 120, "<b>Bold</b> & <script>", "#set text(fill: red)", "*strong* _em_ $x$ `raw`", "@ref <label>",
    "#include \"/etc/passwd\"", "../../etc/passwd", "\\u{41} \\n ~ -- // note", "[Dr] = Titre",
]  # fmt: skip


def read_text(content: bytes) -> str:
    """Return the text of a PDF in its reading order."""
    with pypdfium2.PdfDocument(content) as document:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def squeeze(text: str) -> str:
    """Return a text without white space, which stands where lines and columns end."""
    return "".join(text.split())


def add_names(petition: Petition, names: list[str], **values: Any) -> None:
    """Insert confirmed signatures as they are, past the form's rules."""
    who = f"{values.get('party', 'person')}-{values.get('profession', '')}"
    for number, name in enumerate(names, 1):
        fields = {
            "petition_id": petition.id, "party": "person", "name": name, "email": f"{who}-{number}@example.org".lower(),
            "email_canonical": f"{who}-{number}@example.org".lower(), "state": "confirmed", "listed": True,
            "updates": False, "locale": "fr", "source": "page", "confirmed_at": MOMENT, "confirmed_no": number,
            **values,
        }  # fmt: skip
        db.session.add(Signature(**fields))
    db.session.commit()
