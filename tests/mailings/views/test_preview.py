"""Preview and recipients of a mailing."""

from support.factories import make_mailing, make_petition, make_signature, sign_in


def test_preview_has_no_personal_link(client):
    sign_in(client, "campaigner")
    petition = make_petition()
    make_signature(petition, state="confirmed", updates=True)
    texts = {"fr": {"subject": "x", "body": "{{ personal_link }} [page]({{ personal_link }})"}}
    mailing = make_mailing(petition, texts=texts)
    shown = client.get(f"/desk/mailings/{mailing.id}/preview/letter").text
    assert "/me/test" in shown
    assert shown.count("/me/") == shown.count("/me/test")
    assert shown.count("/u/") == shown.count("/u/test")
