"""The proxy's settings leave the choice of a language to the application, which knows the site's."""

import re

from support.settings import ROOT

from petition.core.languages.languages import LANGUAGES

FILES = [ROOT / "compose.yaml", *(path for path in sorted((ROOT / "deploy").rglob("*")) if path.is_file())]


def read_directives(path):
    """Return a file of settings without its comments."""
    return re.sub(r"(^|\s)#.*", "", path.read_text(encoding="utf-8"))


def test_the_header_that_chooses_a_language_goes_on_as_it_came():
    assert not [path.name for path in FILES if re.search(r"accept.language", read_directives(path), re.IGNORECASE)]


def test_no_language_that_the_site_has_is_missing_where_languages_are_named():
    catalogues = {
        path.parent.parent.name for path in (ROOT / "petition/translations").glob("*/LC_MESSAGES/messages.po")
    }
    assert catalogues | {"en"} == set(LANGUAGES)
    for path in FILES:
        values = set(re.findall(r"""["']([a-z]{2})["']""", read_directives(path)))
        named = values & set(LANGUAGES)
        assert named in (set(), set(LANGUAGES)), f"{path.name} names {named} alone"
