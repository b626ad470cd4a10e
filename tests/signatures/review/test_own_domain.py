import pytest

from petition.signatures.review.own_domain import is_own_domain


@pytest.mark.parametrize(
    ("organisation", "address"),
    [
        ("La Cimade", "contact@lacimade.org"),
        ("La Cimade", "contact@cimade.org"),
        ("Observatoire international des prisons", "a@oip.org"),
        ("Observatoire International des Prisons – Section française (OIP-SF)", "a@oip.org"),
        ("OIP – section française", "a@mail.oip.org"),
        ("Association Ban Public", "a@ban-public.org"),
        ("Secours Catholique", "a@secours-catholique.org"),
        ("GENEPI", "a@genepi.fr"),
        ("Emmaüs", "a@emmaus.org"),
        ("Ministère de la Justice", "a@ministere-justice.gouv.fr"),
    ],
)
def test_a_domain_of_the_same_name_is_its_own(organisation, address):
    assert is_own_domain(organisation, address)


@pytest.mark.parametrize(
    ("organisation", "address"),
    [
        ("Free", "a@free.fr"),
        ("Orange", "a@orange.fr"),
        ("Yahoo France", "a@yahoo.ca"),
        ("Observatoire international des prisons", "a@prisons.example.org"),
        ("Observatoire international des prisons", "a@prisons.org"),
        ("Observatoire international des prisons", "a@observatoire.org"),
        ("PRISONS POUR TOUS", "a@prisons.org"),
        ("Ministère de la Justice", "a@justice.fr"),
        ("Ministère de la Justice", "a@gmail.com"),
        ("La Cimade", "cimade@lacimade.org.evil.com"),
        ("AB", "a@ab.fr"),
        ("", "a@oip.org"),
        (None, "a@oip.org"),
        ("OIP", "a@oip"),
    ],
)
def test_another_domain_is_not(organisation, address):
    assert not is_own_domain(organisation, address)
