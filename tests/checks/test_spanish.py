"""The Spanish catalogue: one word for one thing, and Spanish typography. docs/translating.md has its glossary."""

import re

import pytest
from support.catalogues import list_translations

# What is not said, and the word for it; names of settings and commands are no words.
RETIRED = {
    r"\be-?mails?\b": "correo",
    r"\bmails\b": "correo",
    r"\bnewsletter|bolet[ií]n": "novedades",
    r"\bdesuscri|\bcancelar la suscripci": "darse de baja",
    r"\bclave de acceso\b": "llave de acceso",
    r"\bemisor\b": "remitente",
    r"\bpeticionario|\bsignatario": "firmante",
    r"\bfichero": "archivo",
    r"\bconfiguraciones\b": "ajustes",
    r"@s\b|/as?\b|\(as?\)|\bx@": "a turn that needs no gender",
    r"\b(tu|tus|tú|vuestr[oa]s?|haz)\b": "usted",
}
MARKUP = re.compile(r"%\(\w+\)[a-z]|`[^`]*`|celery -A \S+ \S+|\{\{ \w+ \}\}|https?://\S+")


@pytest.mark.parametrize("pattern", RETIRED)
def test_one_word_for_one_thing(pattern):
    found = [text for text in list_translations("es", MARKUP) if re.search(pattern, text, re.IGNORECASE)]
    assert not found, f"say {RETIRED[pattern]}: {found}"


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        (r" [;:!?»]|« ", "no space before the sign, nor inside the quotation marks"),
        (r"[“”]", "angular quotation marks («»)"),
        (r"\.\.\.", "an ellipsis (…)"),
        (r"»\.»|[.,]»(?!\s|$|\))", "the stop after the closing mark"),
        (r"^[^¿]*\w\?(?=\s|$)", "an opening question mark (¿)"),
        (r"^[^¡]*\w!(?=\s|$)", "an opening exclamation mark (¡)"),
        (r"\d,\d{3}\b", "no comma in thousands"),
    ],
)
def test_typography(pattern, advice):
    found = [text for text in list_translations("es", MARKUP) if re.search(pattern, text)]
    assert not found, f"{advice}: {found}"
