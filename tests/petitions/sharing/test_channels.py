"""Passing a petition on: the channel that an address names, and the links that open a service."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from support.factories import make_petition

from petition.petitions.presenter import present
from petition.petitions.sharing.channels import CHANNELS, list_share_links, parse_channel, source_of
from petition.petitions.views.desk import labels

TEXTS = {
    "fr": {"title": "Pour « un » jardin & plus", "summary": "Un jardin.", "addressee": "la maire"},
    "en": {
        "title": "For a garden",
        "summary": "A garden.",
        "addressee": "the mayor",
        "share_text": "Sign? 100 % of us",
    },
}


@pytest.mark.parametrize(
    ("value", "channel"),
    [("whatsapp", "whatsapp"), ("email.", "email"), ("link)", "link"), ("", None), (None, None), ("WhatsApp", None),
     ("x", None), ("whatsappx", None), ("<script>", None), ("a" * 5000, None)],
)  # fmt: skip
def test_only_known_channels_count(value, channel):
    assert parse_channel(value) == channel


def test_sources_of_channels_fit_and_have_a_label(app):
    for channel in CHANNELS:
        source = source_of(channel)
        assert len(source) <= 20
        assert labels.source_label(source) not in (source, "")
    assert source_of(None) == "page"


def read(url):
    parts = urlsplit(url)
    return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}


def test_links_carry_the_words_of_the_language_and_an_address_of_their_own(app):
    shown = present(make_petition(texts=TEXTS), "en")
    with app.test_request_context():
        links = {link.channel: link.url for link in list_share_links(shown)}
    address = "http://localhost/p/jardin?via="
    words = "Sign? 100 % of us"
    assert read(links["whatsapp"]) == {"text": f"{words}\n{address}whatsapp"}
    assert read(links["telegram"]) == {"url": f"{address}telegram", "text": words}
    assert read(links["mastodon"]) == {"text": f"{words}\n{address}mastodon"}
    assert "#text=" in links["mastodon"], "what follows # is not sent"
    assert read(links["bluesky"]) == {"text": f"{words}\n{address}bluesky"}
    assert read(links["facebook"]) == {"u": f"{address}facebook"}
    assert unquote(links["email"]) == f"mailto:?subject=For a garden&body={words}\n\n{address}email\n"
    for channel, url in links.items():
        assert urlsplit(url).scheme in ("https", "mailto"), channel


def test_without_words_it_is_the_title(app):
    shown = present(make_petition(texts=TEXTS), "fr")
    with app.test_request_context():
        links = {link.channel: link.url for link in list_share_links(shown)}
    assert read(links["bluesky"])["text"].startswith("Pour « un » jardin & plus\n")
    assert "body=Un jardin." in unquote(links["email"])
