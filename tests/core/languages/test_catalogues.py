"""How much of each language is translated, printed for translators and shown to the team."""

import re
import shutil
import subprocess
import sys

import pytest
from support.factories import sign_in
from support.languages import install_arabic
from support.settings import ROOT

from petition.core.i18n import LANGUAGES
from petition.core.languages import catalogues
from petition.core.languages.language_codes import SHIPPED_TRANSLATIONS


def test_shipped_languages_lack_nothing():
    coverages = catalogues.measure(LANGUAGES, (".po",))
    assert [coverage.code for coverage in coverages] == list(LANGUAGES)
    assert [coverage.share for coverage in coverages] == [1.0] * len(LANGUAGES)


def test_what_a_language_lacks_is_counted_and_named(tmp_path, monkeypatch):
    folder = install_arabic(tmp_path)
    monkeypatch.setattr(catalogues, "TRANSLATION_FOLDERS", [SHIPPED_TRANSLATIONS, folder])
    for suffixes in ((".po",), (".mo", ".po")):
        (arabic,) = catalogues.measure(["ar"], suffixes)
        assert 90 < arabic.translated < arabic.total == arabic.translated + len(arabic.missing)
        assert 0 < arabic.share < 0.1
        assert "Sign this petition" not in arabic.missing


def test_nothing_rounds_up_to_complete():
    assert catalogues.Coverage("eo", 9999, 10000, ["Sign"]).share < 1


@pytest.mark.parametrize(("written", "missing"), [('msgstr "Firmar"', 0), ('msgstr ""', 1)])
def test_the_command_says_what_is_missing(tmp_path, written, missing):
    tree = tmp_path / "petition"
    shutil.copytree(ROOT / "petition" / "core", tree / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "__init__.py").touch()
    target = tree / "translations/es/LC_MESSAGES/messages.po"
    target.parent.mkdir(parents=True)
    target.write_text(f'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Sign"\n{written}\n')
    line = [sys.executable, "-c", "from petition.core.languages.catalogues import main; main()"]
    printed = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    assert printed.splitlines()[0] == f"es: {1 - missing} of 1, {missing} missing"
    assert ("    'Sign'" in printed.splitlines()) == bool(missing)


def test_the_team_sees_it(client):
    sign_in(client, "admin")
    page = client.get("/account/people?lang=en").text
    section = page[page.index('id="languages"') :]
    for name in LANGUAGES.values():
        assert re.search(rf"<bdi[^>]*>{name}</bdi>", section)
    assert section.count("100%") == len(LANGUAGES)
