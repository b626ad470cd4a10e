"""Advertising is found in any dress, and what people write of themselves is not taken for it."""

import pytest

from petition.safeguards.contact_details import ContactDetail, find_contact_detail, registrable_domain
from petition.safeguards.inclusive_writing import ENDINGS, STEM_ENDINGS

# Roles as people around prisons write them; the dots are the trap.
ROLES = """
Enseignant en maison d'arrêt|Enseignante, centre pénitentiaire de Rennes|Enseignant.e en détention
enseignant.es|Professeur.e des écoles|Professeur.es en prison|Prof.de maths|Prof. d'EPS|Formateur.rice FLE
formateur.trice|Formateurs.trices|Visiteur de prison|Visiteuse de prison|Visiteur.se de prison
visiteur.ses de prison (ANVP)|Visiteurs.euses bénévoles|Aumônier catholique|Aumônier.ère protestant.e
aumônier.e des prisons|Aumônière nationale|Avocat au barreau de Paris|Avocat.e|Avocat.es pénalistes|Avocat.e.s
Me. Dupont, avocate|Magistrat.e honoraire|magistrat.es|Juge d'application des peines
Conseiller.ère pénitentiaire d'insertion et de probation|C.P.I.P.|CPIP (S.P.I.P. 75)|Directeur.rice
directeur.rice adjoint.e|Directeur.trice de SPIP|Éducateur.trice spécialisé.e|éducateur.trice PJJ|Éduc. spé.
Surveillant.e pénitentiaire|surveillant.es|Chercheur.se au CNRS|chercheur.euse
Chercheuse, CESDIP (U.M.R. 8183)|Doctorant.e en droit|doctorant.es|Étudiant.e|étudiant.es|étudiant.e.s
étudiant.es/chercheur.es|Résident.e|Citoyen.ne|citoyen.nes|Citoyen.ne.s engagé.e.s|chargé.e de mission
Chargé.es d'études|Salarié.es d'association|retraité.e|Retraité.es de l'Éducation nationale|ancien.ne détenu.e
détenu.es|ex-détenu.es|Ancien.ne prisonnier.ère politique|Bénévole.s|Bénévole au Genepi (2012-2016)
Médecin.e généraliste|Infirmier.ère|Infirmier.es en UCSA|Psychologue clinicien.ne|Dr.med.|Dr.Li, psychiatre
Ph.D.|Ph.D. student|M.Sc. criminologie|Dipl.Ing.|Historien (1945-1975)|Sociologue, E.H.E.S.S.
Bibliothécaire n.c.|Religieux.se|sportif.ve|Animateur.ice socioculturel.le|Travailleur.se social.e|Comédien.ne
metteur.e en scène|Écrivain.e|Auteur.rice|Parent de détenu|S.A.R.L. Dupont|Élu.e|élu.es|Député.e|Sénateur.rice
Ingénieur.e réseau|Développeur.se web|Dir. com.|R.A.S.|Juriste & formateur|Membre de l'A.N.V.P. et du G.N.C.P.
""".replace("\n", "|")
NAMES = """
J.P.Dupont|M.L.King|J.-P.Kim|A.Ba|M.Sy|X.Ly|J.R.R. Tolkien|St.Gall|M.Dupont|Mme.Li|Dr.Martin
Charles-Henri d'Aubigné|O'Neill|L.-M. de Saint-Just|Jean Dupont Jr.|C.S.Lewis|Anne Martin-St.Ange
""".replace("\n", "|")
ORGANISATIONS = """
Association loi 1901|Comité 1914-1918|Collectif des étudiant.es|Avocat.es solidaires|O.I.P. section française
Cercle 2000|Le 122 bis|S.A.S. Martin|Section 93|Observatoire international des prisons|Citoyen.nes et Justice
""".replace("\n", "|")
LINKS = """
EVIL.COM|evil.com|Evil.Com|evil.рф|ЗЛО.РФ|evil.中国|evil.xn--p1ai|evil。com|evil｡com|ｅｖｉｌ．ｃｏｍ|evil․com|𝐞𝐯𝐢𝐥.𝐜𝐨𝐦
ⓔⓥⓘⓛ.ⓒⓞⓜ|bit.ly/x|t.me/abc|wa.me/33612345678|evil . com|evil .com|evil [.] com|evil(dot)com|evil dot com
evil point fr|EVIL POINT COM|https://evil.example|hxxp://evil|http:/evil|www.evil|WWW evil|mailto:a
a@b.example|evil@gmail|@evilbot|evil.co.uk|evil.com.x|x.com|X.COM|J.COM|evil.es|casino.es|restaurant.es
google.ne|volvo.se|site.xyz|evil.com/étudiant.es|foo.github.io|192.168.1.1|venez sur evil.org svp|evil.com.
(evil.com)|evil.com,bonjour|javascript:alert|étudiant.es.com|Dr.com|tel:0612|evil.e.com
""".replace("\n", "|")
PHONES = """
06 12 34 56 78|0612345678|06.12.34.56.78|+33 6 12 34 56 78|+33(0)612345678|06-12-34-56-78|06/12/34/56/78
０６１２３４５６７８|٠٦١٢٣٤٥٦٧٨|Appelez 1 800 555 0199|555-0199|0 6 1 2 3 4 5|06·12·34·56·78|Tél 01 23 45 67|12 34 56 7
""".replace("\n", "|")
INVISIBLE = ["ev\u200dil.com", "evil\u200c.com", "evil.c\u034fom", "evil.\ufe0fcom"]


def parse(texts):
    return [text for text in texts.split("|") if text]


def test_there_are_enough_examples():
    assert len(parse(ROLES)) >= 90
    assert len(parse(LINKS)) + len(parse(PHONES)) >= 60


@pytest.mark.parametrize("text", [*parse(ROLES), *parse(ORGANISATIONS)])
def test_roles_and_groups_of_people_pass(text):
    assert find_contact_detail(text, inclusive=True) is None


@pytest.mark.parametrize("text", parse(NAMES))
def test_initials_and_titles_without_a_space_pass(text):
    assert find_contact_detail(text) is None


@pytest.mark.parametrize("text", [*parse(LINKS), *INVISIBLE])
@pytest.mark.parametrize("inclusive", [False, True])
def test_a_link_is_found_in_any_dress(text, inclusive):
    assert find_contact_detail(text, inclusive=inclusive) == ContactDetail.LINK


@pytest.mark.parametrize("text", parse(PHONES))
def test_a_telephone_number_is_found_with_any_separators(text):
    assert find_contact_detail(text) == ContactDetail.PHONE
    assert find_contact_detail(text, numbers=False) is None


def test_inclusive_endings_are_for_roles_only():
    assert find_contact_detail("étudiant.es") == ContactDetail.LINK


def test_only_the_endings_that_look_at_their_word_are_domains():
    domains = {ending for ending in ENDINGS if registrable_domain(f"word.{ending}")}
    assert domains == {"es", *STEM_ENDINGS}


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("www.example.co.uk", "example.co.uk"),
        ("justice.gouv.fr", "justice.gouv.fr"),
        ("co.uk", None),
        ("St.Gall", None),
    ],
)
def test_registrable_domain(name, domain):
    assert registrable_domain(name) == domain
