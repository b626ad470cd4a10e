"""Origins of sites that may embed a petition: what people type becomes what browsers send, or is refused."""

import pytest

from petition.petitions.sharing.origins import MAX_ORIGINS, parse_origin, parse_origins


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://www.example.org", "https://www.example.org"),
        (" WWW.Example.ORG ", "https://www.example.org"),
        ("https://example.org/blog/page.html?x=1#top", "https://example.org"),
        ("https://example.org:443/", "https://example.org"),
        ("https://example.org:8443", "https://example.org:8443"),
        ("HTTPS://été.example", "https://xn--t-9fab.example"),
        ("example.org.", "https://example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000"),
        ("192.0.2.7", "https://192.0.2.7"),
    ],
)
def test_an_address_becomes_its_origin(typed, origin):
    assert parse_origin(typed) == origin


@pytest.mark.parametrize(
    "typed",
    [
        "", "https://", "*", "https://*.example.org", "'self'", "'none'", "https:", "example", "http://example.org",
        "ftp://example.org", "javascript:alert(1)", "data:text/html,x", "https://user:pw@example.org", "https://[::1]",
        "https://example.org; script-src *", "https://exa mple.org", "https://example.org\r\nX: y", "https://example.org:x",
        "https://example.org:99999", "https://a..b", "null", "file:///etc", "https://" + "a" * 70 + ".org",
        "https://[", "https://" + "a." * 120 + "org",
    ],
)  # fmt: skip
def test_what_is_not_one_site_is_refused(typed):
    with pytest.raises(ValueError):
        parse_origin(typed)


def test_a_list_holds_each_site_once_and_is_bounded():
    assert parse_origins(["example.org", "https://example.org/", "www.example.org"]) == [
        "https://example.org", "https://www.example.org"
    ]  # fmt: skip
    assert len(parse_origins([f"s{n}.example" for n in range(MAX_ORIGINS)])) == MAX_ORIGINS
    for wrong in ([f"s{n}.example" for n in range(MAX_ORIGINS + 1)], "example.org", [1], None, {}):
        with pytest.raises(ValueError):
            parse_origins(wrong)
