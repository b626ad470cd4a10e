"""A signer who is named once enough have signed: the form, the count of those who wait, the list within a minute."""

import subprocess
import sys

import pytest
from support.waiting import wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("stack")]
SLUG, NEEDED = "assez", 5
LETTER = f"""---
slug: {SLUG}
kind: open_letter
default_language: fr
addressee: la garde des Sceaux
sender: {{name: Les amis de la justice}}
named_total: {NEEDED}
---
# fr: Pour une justice qui a le temps

> Du temps pour chaque dossier.

Nous demandons du temps.
"""
PROMISE = f"Votre nom sera affiché dès que {NEEDED} personnes auront signé."


def run(stack, *words):
    line = [sys.executable, "-m", "petition.cli", "--data", str(stack.data), *words]
    subprocess.run(line, check=True, capture_output=True, timeout=240)


def sign_and_confirm(stack, name, address, network, **fields):
    form = {"name": name, "email": address, "locale": "fr", **fields}
    assert stack.request("POST", f"/p/{SLUG}/sign", form=form, network=network).status == 303
    link = stack.link_to(address)
    page = stack.get(link).text
    assert stack.confirm(link, network=network).status == 303
    return page


def public_names(stack):
    return [one["name"] for one in stack.get(f"/api/v1/petitions/{SLUG}/signatories").json["items"]]


@pytest.mark.slow
def test_a_name_waits_and_is_shown_within_a_minute_after_enough_have_signed(stack, tmp_path):
    (tmp_path / "letter.md").write_text(LETTER, encoding="utf-8")
    run(stack, "petitions", "create", str(tmp_path / "letter.md"))
    run(stack, "petitions", "open", SLUG)
    assert f"Afficher mon nom dès que {NEEDED} personnes auront signé" in stack.get(f"/p/{SLUG}").text
    page = sign_and_confirm(stack, "Ada Vernet", "ada@exemple.org", 1, named_when="total")
    assert "Ada Vernet" in page
    assert PROMISE in page
    sentence = f"Et 1 personne qui sera nommée dès que {NEEDED} auront signé."
    wait_for(lambda: sentence in stack.get(f"/p/{SLUG}").text, 60, "the number of those who wait")
    for number, name in enumerate(("Bea Roux", "Cleo Petit", "Dora Blanc"), 2):
        sign_and_confirm(stack, name, f"s{number}@exemple.org", number, named_when="never")
    assert public_names(stack) == []
    assert "Ada Vernet" not in stack.get(f"/p/{SLUG}/signatories").text
    sign_and_confirm(stack, "Elsa Noir", f"s{NEEDED}@exemple.org", NEEDED, named_when="now")
    wait_for(lambda: sorted(public_names(stack)) == ["Ada Vernet", "Elsa Noir"], 60, "the name, within a minute")
    wait_for(lambda: sentence not in stack.get(f"/p/{SLUG}").text, 60, "nobody who waits")
