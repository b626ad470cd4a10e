"""What the form asks about an address before it sends a link there."""

import pytest
from support.factories import make_form, make_petition


def post(client, **fields):
    return client.post("/p/jardin/sign?lang=en", data=make_form(**fields))


@pytest.mark.parametrize(
    ("typed", "offered"), [("hélène@orange.fr", "helene@orange.fr"), ("zoe@yaho.ca", "zoe@yahoo.ca")]
)
def test_a_likely_slip_is_asked_about_once(client, typed, offered):
    make_petition()
    asked = post(client, email=typed)
    assert asked.status_code == 422
    assert f'name="use_suggestion" value="{offered}"' in asked.text
    assert f'value="{typed}"' in asked.text
    assert post(client, email=typed, keep_email=typed).status_code == 303
    assert post(client, email=typed, use_suggestion=offered).status_code == 303


@pytest.mark.parametrize(
    "typed", ["zoe@hotmail.be", "zoe@orange.be", "\u200bzoe@orange.fr\u00a0", "hélène@example.org"]
)
def test_a_real_address_is_not_asked_about(client, typed):
    make_petition()
    assert post(client, email=typed).status_code == 303
