"""The personal page of a signature that the team set aside."""

from support.factories import make_petition, make_signature

from petition.signatures.links import personal_path


def test_invalidated_signature_is_shown_as_not_counting(client):
    signature = make_signature(make_petition(), state="invalidated")
    page = client.get(f"{personal_path(signature)}?lang=en").text
    assert "does not count" in page
    assert "/display" not in page
