"""What other sites fetch: the script of the form, oEmbed, and the JSON API from the sites that a petition lists."""

from urllib.parse import quote

import pytest
from support.factories import make_form, make_petition

from petition.core.web.assets import STATIC_FOLDER

SITE = "https://blog.example"
API = "/api/v1/petitions/jardin"


def ask(client, address, **more):
    parameters = "".join(f"&{name}={value}" for name, value in more.items())
    return client.get(f"/oembed?url={quote(address, safe='')}{parameters}")


def test_the_script_is_small_and_served_for_other_sites(client):
    answer = client.get("/embed.js")
    assert answer.status_code == 200
    assert answer.mimetype == "text/javascript"
    assert len(answer.data) == (STATIC_FOLDER / "embed.js").stat().st_size < 3_000
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "import " not in answer.text
    assert "fetch(" not in answer.text


def test_oembed_describes_a_frame_within_the_limits_asked_for(client):
    make_petition(embed_origins=[SITE])
    answer = ask(client, "http://localhost/p/jardin?lang=en", format="json")
    assert answer.mimetype == "application/json"
    described = answer.json
    assert (described["version"], described["type"], described["title"]) == ("1.0", "rich", "For a garden")
    assert 'src="http://localhost/p/jardin/embed?lang=en"' in described["html"]
    assert 'title="Sign: For a garden"' in described["html"]
    small = ask(client, "http://localhost/p/jardin", maxwidth=300, maxheight=200).json
    assert (small["width"], small["height"]) == (300, 200)
    assert 'width="300" height="200"' in small["html"]
    assert ask(client, "http://localhost/p/jardin", maxwidth="x", maxheight="-1").json["width"] == described["width"]


def test_oembed_gives_a_link_where_no_site_may_show_the_form(client):
    make_petition()
    described = ask(client, "http://localhost/p/jardin").json
    assert described["type"] == "link"
    assert "html" not in described


@pytest.mark.parametrize(
    "address",
    ["", "http://localhost/", "http://localhost/p/nowhere", "https://evil.example/p/jardin", "http://localhost@evil/p/jardin",
     "/p/jardin", "http://localhost/p/jardin/signatories", "http://[", "http://localhost/p/brouillon"],
)  # fmt: skip
def test_oembed_knows_petitions_only(client, address):
    make_petition(embed_origins=[SITE])
    make_petition(slug="brouillon", state="draft")
    assert ask(client, address).status_code == 404


def test_oembed_has_one_format(client):
    make_petition()
    assert ask(client, "http://localhost/p/jardin", format="xml").status_code == 501


def test_the_page_says_where_its_oembed_is(client):
    make_petition(embed_origins=[SITE])
    page = client.get("/p/jardin?lang=en").text
    link = page.split('type="application/json+oembed" href="')[1].split('"')[0].replace("&amp;", "&")
    assert client.get(link.removeprefix("http://localhost")).json["title"] == "For a garden"


def preflight(client, path, origin=SITE):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    return client.options(path, headers=headers)


def test_pages_of_listed_sites_may_use_the_api(client):
    make_petition(embed_origins=[SITE])
    asked = preflight(client, f"{API}/signatures")
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == SITE
    assert asked.headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    origin = {"Origin": SITE}
    answers = [client.get(f"{API}{path}", headers=origin) for path in ("", "/count", "/signatories")]
    answers += [client.post(f"{API}/signatures", json=body, headers=origin) for body in (make_form(), {"name": "x"})]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 202, 422]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    for _ in range(40):
        last = client.post(f"{API}/signatures", json=make_form(), headers=origin)
    assert last.status_code == 429
    assert last.headers["Access-Control-Allow-Origin"] == SITE, "the page can say why"
    assert last.headers["Access-Control-Expose-Headers"] == "Retry-After"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://blog.example.evil.example", "http://blog.example", ""]
)
def test_pages_of_other_sites_may_not(client, origin):
    make_petition(embed_origins=[SITE])
    for answer in (
        preflight(client, f"{API}/signatures", origin),
        client.get(f"{API}/count", headers={"Origin": origin}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert "Origin" in answer.headers["Vary"]


def test_a_site_of_one_petition_is_none_of_another_and_gets_no_links_confirmed(client):
    make_petition(embed_origins=[SITE])
    make_petition(slug="autre")
    make_petition(slug="brouillon", state="draft", embed_origins=[SITE])
    for path in ("/petitions/autre", "/petitions/brouillon", "/petitions/nowhere", "/petitions", "/confirmations"):
        assert "Access-Control-Allow-Origin" not in preflight(client, f"/api/v1{path}").headers, path
