"""Languages: a catalogue and a line in a setting add one, which may be written from right to left."""

import json
import os
import subprocess
import sys

import pytest
from support.languages import install_arabic
from support.settings import ROOT, environment

from config import Config
from petition.core.i18n import LANGUAGES
from petition.core.languages.languages import language_name, regional_locale, text_direction
from petition.core.settings.checks import BadSetting


@pytest.fixture(scope="module")
def arabic_folder(tmp_path_factory):
    return install_arabic(tmp_path_factory.mktemp("translations"))


def walk(app, database_url, redis_url, folder, language):
    """Return what another process found, whose languages are ours and those of a folder."""
    command = [sys.executable, "-P", str(ROOT / "tests/support/language_walk.py"), language]
    settings = environment(
        database_url, redis_url, PETITION_LANGUAGES=",".join([*LANGUAGES, language]), PETITION_TRANSLATIONS=str(folder)
    )
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", **settings}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_catalogue_and_a_setting_add_a_language(app, database_url, redis_url, arabic_folder):
    found = walk(app, database_url, redis_url, arabic_folder, "ar")
    assert list(found["languages"]) == [*LANGUAGES, "ar"]
    assert found["languages"]["ar"] == "العربية"
    signer = found["signer"]

    for name in ("page", "other", "list", "embed", "check", "confirm"):
        assert '<html lang="ar" dir="rtl"' in signer[name], name
    assert "وقّعوا هذه العريضة" in signer["page"]
    assert "<h1>من أجل حديقة</h1>" in signer["page"], "a text in the page's language needs no mark"
    assert '<h1 lang="fr" dir="ltr">Pour un jardin</h1>' in signer["other"], "another is marked, with its direction"
    assert "خطوة أخيرة" in signer["check"]
    assert "تأكيد توقيعي" in signer["confirm"]
    assert "</bdi></b>، <bdi" in signer["named"], "the comma is that of the language"

    assert signer["locale"] == "ar"
    assert signer["subject"] == "أكّدوا توقيعكم: من أجل حديقة"
    assert "مرحبًا Zoé Martin،" in signer["text"]
    assert '<html lang="ar" dir="rtl">' in signer["html"]
    assert 'align="right"' in signer["html"]

    for code, pages in found["desk"].items():
        assert len(pages) > 30
        for path, page in pages.items():
            assert page["status"] < 500, (code, path, page)
            if page["html"] and page["status"] not in (302, 303, 308):
                assert f'lang="{code}" dir="{text_direction(code)}"' in page["html"], (code, path)


def test_names_and_territories_are_those_of_cldr():
    assert [language_name(code) for code in ("fr", "en", "es", "de")] == ["Français", "English", "Español", "Deutsch"]
    assert [str(regional_locale(code)) for code in ("fr", "en", "es", "ar")] == ["fr_FR", "en_GB", "es_ES", "ar_EG"]
    assert [text_direction(code) for code in ("fr", "he", "ar", "fa")] == ["ltr", "rtl", "rtl", "rtl"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fr, xx", "PETITION_LANGUAGES must be codes of languages such as fr, en, es, separated by commas"),
        ("français", "PETITION_LANGUAGES must be codes"),
        (", ,", "PETITION_LANGUAGES must be codes"),
        ("fr, de", "PETITION_LANGUAGES names de, which has no catalogue"),
    ],
)
def test_a_language_that_cannot_be_offered_stops_the_start(database_url, redis_url, value, message):
    with pytest.raises(BadSetting, match=message):
        Config(environment(database_url, redis_url, PETITION_LANGUAGES=value))


def test_a_folder_of_catalogues_is_looked_into(database_url, redis_url, arabic_folder):
    settings = environment(database_url, redis_url, PETITION_LANGUAGES="ar", PETITION_TRANSLATIONS=str(arabic_folder))
    assert Config(settings).PETITION_LANGUAGES == ["ar"]
