"""The personal page of a signature that the team set aside."""

from factories import make_petition, make_signature

from petition.signatures.links import personal_path


def test_a_signature_that_was_set_aside_is_not_shown_as_one_that_counts(client):
    signature = make_signature(make_petition(), state="invalidated")
    page = client.get(f"{personal_path(signature)}?lang=en").text
    assert "does not count" in page
    assert "/display" not in page
