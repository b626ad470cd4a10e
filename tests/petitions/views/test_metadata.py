"""What a crawler reads: the page's metadata, the site map, robots.txt; and that links with tokens are not indexed."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.petitions.counters import increment
from petition.petitions.views import sitemap
from petition.signatures.links import make_confirm_token, make_personal_token

NAMESPACES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
HTML_TITLE = '</script><b>"Un" jardin & \u2028 plus'


class Crawler(HTMLParser):
    """Reads a page's metadata as a crawler does."""

    def __init__(self, text):
        super().__init__()
        self.meta, self.links, self.blocks, self.title = {}, [], [], ""
        self._within = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "meta" and (name := values.get("property") or values.get("name")):
            self.meta.setdefault(name, []).append(values["content"])
        elif tag == "link":
            self.links.append(values)
        elif tag in ("title", "script"):
            self._within = tag
            if tag == "script":
                self.blocks.append((values.get("type"), ""))

    def handle_endtag(self, tag):
        self._within = None

    def handle_data(self, data):
        if self._within == "title":
            self.title += data
        elif self._within == "script":
            kind, text = self.blocks[-1]
            self.blocks[-1] = (kind, text + data)

    def linked(self, rel):
        return [link for link in self.links if rel in link.get("rel", "").split()]


def test_a_crawler_reads_title_summary_and_languages(client):
    petition = make_petition()
    increment(petition.id, 1, "person", 12)
    db.session.commit()
    page = Crawler(client.get("/p/jardin?lang=en&via=email").text)
    assert page.title == "For a garden"
    address = "http://localhost/p/jardin?lang=en"
    for name, value in {
        "description": "A garden for all.", "og:type": "article", "og:title": "For a garden", "og:url": address,
        "og:description": "A garden for all.", "og:locale": "en_GB", "og:locale:alternate": "fr_FR",
        "og:site_name": "Letters and petitions", "twitter:card": "summary_large_image", "twitter:title": "For a garden",
        "twitter:description": "A garden for all.",
    }.items():  # fmt: skip
        assert page.meta[name] == [value], name
    assert [link["href"] for link in page.linked("canonical")] == [address], "without the channel"
    alternates = {link["hreflang"]: link["href"] for link in page.linked("alternate") if "hreflang" in link}
    assert alternates == {
        "fr": "http://localhost/p/jardin?lang=fr", "en": address
    }  # fmt: skip
    for url in alternates.values():
        assert client.get(url.removeprefix("http://localhost")).status_code == 200
    assert page.linked("icon")
    assert "robots" not in page.meta
    ((kind, text),) = page.blocks
    assert kind == "application/ld+json"
    described = json.loads(text)
    assert described["@type"] == "CreativeWork"
    assert described["@id"] == described["url"] == address
    assert described["headline"] == "For a garden"
    assert described["inLanguage"] == "en"
    assert described["interactionStatistic"]["userInteractionCount"] == 12


def test_hostile_text_stays_text_in_the_metadata(client):
    text = {"title": HTML_TITLE, "summary": HTML_TITLE, "addressee": HTML_TITLE}
    make_petition(texts={"fr": text}, sender_name=HTML_TITLE)
    answer = client.get("/p/jardin")
    page = Crawler(answer.text)
    assert page.title == page.meta["og:title"][0] == HTML_TITLE
    ((_, block),) = page.blocks
    assert json.loads(block)["headline"] == HTML_TITLE
    assert "<" not in block
    assert "script-src" not in answer.headers["Content-Security-Policy"], "data is no script"


def locations(answer):
    assert answer.status_code == 200
    assert answer.mimetype == "application/xml"
    assert answer.headers["Cache-Control"].startswith("public")
    tree = ElementTree.fromstring(answer.data)
    return tree, [element.text for element in tree.iter(f"{{{NAMESPACES['s']}}}loc")]


def test_the_site_map_lists_what_may_be_indexed_in_each_language(client):
    make_petition()
    make_petition(slug="liste", list_indexed=True, texts={"fr": {"title": "A", "summary": "B", "addressee": "C"}})
    make_petition(slug="sans-noms", list_indexed=True, listing="none")
    make_petition(slug="brouillon", state="draft")
    make_petition(slug="ancien", state="archived")
    make_petition(slug="ferme", state="closed")
    tree, found = locations(client.get("/sitemap.xml"))
    paths = [url.removeprefix("http://localhost") for url in found]
    assert paths == [
        *(f"/?lang={code}" for code in LANGUAGES), "/p/jardin?lang=fr", "/p/jardin?lang=en", "/p/liste?lang=fr",
        "/p/liste/signatories?lang=fr", "/p/sans-noms?lang=fr", "/p/sans-noms?lang=en", "/p/ferme?lang=fr",
        "/p/ferme?lang=en",
    ]  # fmt: skip
    garden = tree.findall("s:url", NAMESPACES)[len(LANGUAGES)].findall("x:link", NAMESPACES)
    assert [link.get("hreflang") for link in garden] == ["fr", "en"]
    for path in paths:
        page = client.get(path)
        assert page.status_code == 200, path
        assert "noindex" not in page.text
        assert "X-Robots-Tag" not in page.headers


def test_a_long_site_map_is_an_index_of_files(client, monkeypatch):
    monkeypatch.setattr(sitemap, "IDS_PER_FILE", 2)
    for number in "abcd":
        make_petition(slug=f"jardin-{number}")
    tree, files = locations(client.get("/sitemap.xml"))
    assert tree.tag.endswith("sitemapindex")
    assert files == [f"http://localhost/sitemap-{number}.xml" for number in range(3)]
    pages = [url for file in files for url in locations(client.get(file.removeprefix("http://localhost")))[1]]
    assert len(pages) == len(set(pages)) == len(LANGUAGES) + 4 * 2
    assert client.get("/sitemap-3.xml").status_code == 404


def test_robots_txt_names_the_site_map(client):
    lines = client.get("/robots.txt").text.splitlines()
    assert "Sitemap: http://localhost/sitemap.xml" in lines
    assert "Disallow: /desk/" in lines


@pytest.mark.parametrize("token", ["valid", "AAAA.BBBB.CCCC-dddd"])
def test_what_a_token_opens_is_never_indexed(client, token):
    signature = make_signature(make_petition(), state="confirmed")
    for rule in client.application.url_map.iter_rules():
        if "token" not in rule.arguments or not rule.methods & {"GET"}:
            continue
        made = make_personal_token(signature) if rule.rule.startswith("/me/") else make_confirm_token(signature)
        path = re.sub(r"<\w+>", "page", rule.rule.replace("<token>", made if token == "valid" else token))
        answer = client.get(path)
        assert "noindex" in answer.headers.get("X-Robots-Tag", ""), (path, answer.status_code)
        for line in client.get("/robots.txt").text.splitlines():
            if line.startswith("Disallow: ") and not path.startswith("/account/"):
                assert not path.startswith(line.removeprefix("Disallow: ")), "a search engine can read that it may not"


def test_short_pages_around_a_signature_are_not_indexed(client):
    make_petition()
    for path in ("/p/jardin/check-your-email", "/p/jardin/thank-you", "/p/jardin/embed"):
        page = client.get(path)
        assert "noindex" in page.headers.get("X-Robots-Tag", "") + page.text, path
