import re

import pytest

from petition.core.front_matter import keep_offered_languages
from petition.core.i18n import LANGUAGES
from petition.core.languages.language_codes import SHIPPED_LANGUAGES
from petition.demo import CAMPAIGN_FILE
from petition.demo.fake_people import list_organisations, load_front_matter
from petition.petitions.editing.file_parser import parse_document

ORGANISATIONS = """\
Arapej 41
Association pour la Défense des Droits des Détenus (A3D)
Association Nationale des Assesseurs Extérieurs en Commission de discipline des établissements pénitentiaires (Anaec)
Association Nationale des Juges de l’Application des Peines (Anjap)
Association Nationale des Visiteurs de Personnes sous main de justice (ANVP)
Association des Secteurs de Psychiatrie en milieu Pénitentiaire (ASPMP)
Association des anciens du Genepi
Association Auxilia, une nouvelle chance
Ban Public
Casp Arapej
CGT-Insertion et Probation
Cimade
Citoyens et Justice
Clip
Courrier de Bovet
Emmaüs-France
Farapej
Fédération des acteurs de la solidarité (FAS)
Gisti
Association Lire C’est Vivre
Ligue des droits de l’Homme (LDH)
Lire pour en sortir
Observatoire International des Prisons – Section française (OIP-SF)
Petits frères des pauvres
Possible
Syndicat des Avocats de France (SAF)
Secours Catholique - Caritas France
Syndicat National de l’Ensemble des Personnels de l’Administration Pénitentiaire (SNEPAP-FSU)
Syndicat National des personnels de l’éducation et du social – Protection Judiciaire de la Jeunesse (SNPES PJJ/FSU)
Syndicat de la magistrature (SM)
""".splitlines()

# The press release names these, in the plural; the campaign offers each to one person.
PROFESSIONS = (
    "association",
    "syndical",
    "structure d’insertion",
    "nseignant",
    "ravailleu",
    "conseiller d’insertion et de probation",
    "Médecin",
    "visiteur de prison",
    "Avocat",
    "Magistrat",
    "assesseur extérieur en commission de discipline",
    "aumônier",
    "bénévole en détention",
    "Artiste",
    "Parlementaire",
    "Personne incarcérée",
    "anciennement incarcérée",
    "Proche",
)


def sections() -> dict[str, str]:
    parts = re.split(r"^# (\w\w): (.+)$", CAMPAIGN_FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {parts[place]: parts[place + 2] for place in range(1, len(parts), 3)}


def test_the_campaign_file_is_valid() -> None:
    document = parse_document(CAMPAIGN_FILE.read_text(encoding="utf-8"))
    assert [text["language"] for text in document.texts] == ["fr", "en", "es"]


def test_front_matter_says_what_the_parser_reads() -> None:
    front = load_front_matter()
    assert front["slug"] == "internet-en-prison"
    assert front["kind"] == "open_letter"
    assert front["default_language"] == "fr"
    assert set(front["addressee"]) == set(front["professions"]) == set(sections()) == set(SHIPPED_LANGUAGES)
    assert str(front["opens"]) == "2022-09-28"


def test_each_language_names_every_profession_once() -> None:
    offered = load_front_matter()["professions"]
    assert len({len(names) for names in offered.values()}) == 1
    assert all(len(names) == len(set(names)) for names in offered.values())
    for wanted in PROFESSIONS:
        assert any(re.search(wanted, offer) for offer in offered["fr"]), wanted


@pytest.mark.parametrize("language", SHIPPED_LANGUAGES)
def test_the_thirty_organisations_are_listed_as_they_spell_themselves(language: str) -> None:
    assert re.findall(r"^- (.+)$", sections()[language], flags=re.MULTILINE) == ORGANISATIONS
    assert list_organisations() == ORGANISATIONS


@pytest.mark.parametrize("language", SHIPPED_LANGUAGES)
def test_each_section_is_a_summary_and_a_letter(language: str) -> None:
    body = sections()[language]
    assert body.strip().startswith("> ")
    assert not re.search(r"^# ", body, flags=re.MULTILINE)
    letter = re.split(r"## (?:L’appel|The appeal|El llamamiento)", body)[0]
    assert 450 <= len(letter.split()) <= 600
    assert "https://internet-en-prison.fr/" in body


@pytest.mark.parametrize("language", SHIPPED_LANGUAGES)
def test_no_figure_is_invented(language: str) -> None:
    figures = set(re.findall(r"\d[\d\s,]*\d", re.sub(r"^(-|\d\.) .*", "", sections()[language], flags=re.MULTILINE)))
    known = {"fr": {"72\u202f000", "600", "28", "2022"}, "en": {"72,000", "600", "28", "2022"}}
    known["es"] = known["fr"]
    assert figures == known[language]


def test_a_site_in_other_languages_gets_what_there_is_in_them(monkeypatch) -> None:
    text = CAMPAIGN_FILE.read_text(encoding="utf-8")
    assert keep_offered_languages(text) == text
    others = {code: name for code, name in LANGUAGES.items() if code != "fr"}
    monkeypatch.setattr("petition.core.front_matter.LANGUAGES", others)
    kept = keep_offered_languages(text)
    assert re.findall(r"^# (\w\w):", kept, flags=re.MULTILINE) == ["en", "es"]
    assert "\ndefault_language: en\n" in kept
    monkeypatch.setattr("petition.core.front_matter.LANGUAGES", {"de": "Deutsch"})
    assert keep_offered_languages(text) is None
