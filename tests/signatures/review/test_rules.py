"""Which names are listed at once, which wait for the team, which may stand in an email to a stranger."""

import pytest

from petition.core.exceptions import ValidationError
from petition.petitions.models import Petition
from petition.safeguards.signer_texts import mixes_scripts
from petition.signatures.review.rules import Flag, find_flags, is_plain_name
from petition.signatures.validation import clean_text, validate_details

PETITION = Petition(asks=["profession", "city"], accepts_organisations=True)
# Real ones, long ones and short ones: listed at once.
NAMES = """
Zoé Martin|J.R.R. Tolkien|Li|李小龍|山田 たろう|김민준|محمد علي|می‌خواهم|Нина Петрова|Γιώργος Παπαδόπουλος|देवेन्द्र सिंह
O’Neill-Ó Súilleabháin|María de los Ángeles Fernández de la Cueva y Alonso
José Manuel Antonio García López de la Torre Hernández|JEAN-PIERRE DUPONT
Andriamanantena Rakotondrazafy Ratsimbazafy Razafindrakoto|Abd al-Rahman ibn Muhammad ibn Khaldun al-Hadrami
Charles-Henri du Plessis d'Argentré de la Bouëxière|Ludwig von der Heide|Sarah de Haas|Nguyễn Thị Ánh
Gal·la Pla|M. L'Hostis|Zoé Martin (née Dupont)|Martin, Zoé|Jean & Marie Dupont|Ou Wei|Tu Anh|Le Thi Au
Sans Pierre|zoé martin|Maïté Police-Durand
""".replace("\n", "|")
WAITING = {
    "Votre compte sera fermé demain": Flag.SENTENCE,
    "La prison est une honte": Flag.SENTENCE,
    "Ouvrez les prisons maintenant merci beaucoup tout le monde bravo": Flag.SENTENCE,
    "Ministère de la Justice": Flag.INSTITUTION,
    "MINISTERE DE LA JUSTICE": Flag.INSTITUTION,
    "Président de la République": Flag.INSTITUTION,
    "Police nationale": Flag.INSTITUTION,
    "The Prime Minister": Flag.INSTITUTION,
    "Gagnez un voyage": Flag.ADVERTISING,
    "Sale connard": Flag.INSULT,
    "Fils de pute": Flag.INSULT,
    "VIVEMENT DIMANCHE PROCHAIN DANIELLE GILBERT": Flag.CAPITALS,
    "★ Zoé ★": Flag.SIGNS,
    "Zoé: appel": Flag.SIGNS,
    "Zoé 😀": Flag.SIGNS,
    "EVIL,COM": Flag.SIGNS,
    "Li Wei 李伟": Flag.SCRIPTS,
}


def parse(texts):
    return [text for text in texts.split("|") if text]


@pytest.mark.parametrize("name", [name for name in parse(NAMES) if "Police" not in name])
def test_a_real_name_is_listed_at_once(app, name):
    assert clean_text(name, "name") == name
    assert find_flags("person", name) == []


@pytest.mark.parametrize(("name", "flag"), WAITING.items())
def test_a_name_that_hardly_is_one_waits_and_is_never_mailed(app, name, flag):
    assert flag in find_flags("person", name)
    assert not is_plain_name(name)


def test_a_surname_that_is_an_institution_waits_and_is_not_refused(app):
    assert clean_text("Maïté Police-Durand", "name")
    assert find_flags("person", "Maïté Police-Durand") == [Flag.INSTITUTION]


def test_an_organisation_always_waits(app):
    assert find_flags("organisation", "Zoé Martin") == [Flag.ORGANISATION]


@pytest.mark.parametrize(
    ("profession", "flags"),
    [
        ("Garde des Sceaux", [Flag.INSTITUTION]),
        ("Présidente de la République", [Flag.INSTITUTION]),
        ("Cliquez ici", [Flag.ADVERTISING]),
        ("grosse salope", [Flag.INSULT]),
        ("Surveillant de prison", []),
        ("Ministre du culte", []),
        ("Policier à la retraite", []),
        ("Présidente d'une association", []),
        ("Procureure honoraire", []),
    ],
)
def test_a_profession_waits_only_where_it_is_somebody_else_s(app, profession, flags):
    assert find_flags("person", "Zoé Martin", profession) == flags


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Zoé Martin", True),
        ("Jean-Pierre van der Heide", True),
        ("محمد علي", True),
        ("Martin, Zoé", False),
        ("Zoé & Lou", False),
        ("Un Deux Trois Quatre Cinq Six", False),
        ("Z" * 51, False),
        ("EVIL.COM", False),
        ("Zoé 2", False),
        ("J R R Tolkien", True),
        ("Ph. D. du Val", True),
        ("e v i l . c o m", False),
        ("Evil · Com", False),
        ("e v i l", False),
        ("", False),
    ],
)
def test_only_plain_names_are_mailed_to_strangers(app, name, plain):
    assert is_plain_name(name) == plain


@pytest.mark.parametrize("name", ["Pаul Martin", "Zoé Mаrtin", "Αnna"])  # Cyrillic а, Greek Α
def test_a_look_alike_of_another_name_is_refused(app, name):
    assert mixes_scripts(name)
    with pytest.raises(ValueError):
        clean_text(name, "name")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "EVIL.COM"), ("name", "evil.рф"), ("name", "Zoé 2"), ("name", "étudiant.es"),
        ("organisation", "bit.ly/x"), ("organisation", "Association 06 12 34 56 78"),
        ("organisation", "Evil.Com"), ("profession", "casino.es"),
        ("city", "evil . com"), ("postal_code", "a@b.fr"),
    ],
)  # fmt: skip
def test_advertising_is_refused_in_every_field(app, field, text):
    with pytest.raises(ValueError):
        clean_text(text, field)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("organisation", "Collectif des étudiant.es"), ("profession", "directeur.rice adjoint.e"), ("city", "St.Gall"),
        ("postal_code", "12345-6789"), ("name", "J.P.Dupont"), ("profession", "Historien (1939-1945)"),
    ],
)  # fmt: skip
def test_people_s_own_words_pass(app, field, text):
    assert clean_text(text, field) == text


def test_a_form_says_which_field_and_a_flag_is_no_error(app):
    form = {"name": "Police nationale", "email": "zoe@example.org", "profession": "visitez evil.com"}
    with pytest.raises(ValidationError) as error:
        validate_details(PETITION, form)
    assert list(error.value.errors) == ["profession"]
    assert validate_details(PETITION, {**form, "profession": "Juge"}).review == "waiting"
    assert validate_details(PETITION, {**form, "name": "Zoé Martin", "profession": "Juge"}).review is None
