"""Which `Host` headers are answered, and which requests count as local."""

import re

import pytest
from support.factories import make_petition
from support.settings import environment

from config import Config
from petition.app import create_app
from petition.core.settings.checks import BadSetting

REFUSED = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil..example",
    f"{'a' * 64}.example",
    ".",
    "",
    "localhost, localhost",
    "localhost@evil.example",
    "loc\xe9\xff",
    "a b",
    "[::1",
    "localhost:80:80",
    "10.0.0.1",
    "a." * 200,
]


@pytest.fixture(scope="module")
def site(database_url, redis_url, tmp_path_factory):
    settings = {
        "PUBLIC_URL": "https://Pétition.example:8443",
        "PETITION_HOSTS": "web, 10.0.0.5",
        "PETITION_MAILBOX": str(tmp_path_factory.mktemp("mailbox")),
        "PETITION_METRICS_ALLOW": "127.0.0.0/8 ::1 198.18.0.0/15",
        "PETITION_LOG_LEVEL": "INFO",
    }
    return create_app(Config(environment(database_url, redis_url, **settings)))


def get(site, path, host, peer="127.0.0.1", **headers):
    """Ask as a server passes a request on: with the `Host` as it came, None for none."""
    environ = {"REMOTE_ADDR": peer, **({"HTTP_HOST": host} if host is not None else {})}
    client = site.test_client()
    # werkzeug's client fills a missing Host in.
    builder = {"environ_overrides": environ, "headers": headers}
    if host is None:
        inner = site.wsgi_app

        def without_host(environ, start_response):
            del environ["HTTP_HOST"]
            return inner(environ, start_response)

        site.wsgi_app = without_host
        try:
            return client.get(path, **builder)
        finally:
            site.wsgi_app = inner
    return client.get(path, **builder)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9", "127.0.0.1:8000", "127.3.2.1", "[::1]:8000", "xn--ptition-bya.example",
     "XN--Ptition-bya.example.:8443", "web:8000", "10.0.0.5"],
)  # fmt: skip
def test_own_names_are_answered(app, site, host):
    make_petition()
    assert get(site, "/p/jardin", host).status_code == 200
    assert get(site, "/api/v1/petitions/jardin/count", host).status_code == 200


@pytest.mark.parametrize("host", [*REFUSED, None])
def test_other_hosts_are_refused_in_our_dress_with_one_line_of_log(app, site, capfd, host):
    make_petition()
    for path in ("/p/jardin", "/", "/ops/", "/account/", "/mailbox", "/nowhere"):
        capfd.readouterr()
        page = get(site, f"{path}?lang=en", host)
        assert (page.status_code, page.mimetype) == (400, "text/html"), path
        assert "https://Pétition.example:8443" in page.text
        assert [link for link in re.findall(r'href="([^"]+)"', page.text) if link.startswith(("/?", "/p"))] == []
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) <= 1, lines
    answer = get(site, "/api/v1/petitions/jardin/count", host)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.get_json(force=True)["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_may_ask_by_address_and_without_a_host_but_not_by_another_name(app, site, path):
    for host in ("10.9.8.7:8000", "[2001:db8::1]:8000", None):
        assert get(site, path, host).status_code == 200, host
    for host in ("rebound.example", "evil..example", ""):
        assert get(site, path, host).status_code == 400, host


def test_page_of_another_host_has_its_stylesheet(app, site):
    page = get(site, "/", "evil.example").text
    stylesheet = re.search(r'href="(/static/petition.css[^"]+)"', page)[1]
    assert get(site, stylesheet, "evil.example").status_code == 200


def test_redirects_never_name_another_host(app, site):
    answer = get(site, "/account", "evil.example")
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_mailbox_is_for_this_machine_only(app, site):
    def status(host="localhost", **options):
        return get(site, "/mailbox/messages.json", host, **options).status_code

    assert status() == 200
    assert status("[::1]:8000", peer="::1") == 200
    assert status(**{"X-Forwarded-For": "198.18.0.7"}) == 200  # the demo, from a network of its own
    assert status(peer="192.0.2.9") == 404
    assert status(peer="192.0.2.9", **{"X-Forwarded-For": "127.0.0.1"}) == 404
    assert status("xn--ptition-bya.example") == 404
    for name in ("Forwarded", "Via", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"):
        assert status(**{name: "127.0.0.1"}) == 404, name


def test_metrics_believe_no_forwarded_address_of_a_peer_that_is_not_allowed(app, site):
    def status(peer, forwarded=None):
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        return get(site, "/metrics", "localhost", peer, **headers).status_code

    assert status("127.0.0.1") == 200
    assert status("127.0.0.1", "198.18.0.9") == 200
    assert status("127.0.0.1", "192.0.2.9") == 403
    assert status("192.0.2.9", "127.0.0.1") == 403
    assert status("192.0.2.9", "198.18.0.9") == 403
    assert status("198.18.0.1", "198.18.0.9") == 200
    assert status("192.0.2.9") == 403


@pytest.mark.parametrize("value", ["https://x", "a..b", "host:80", "a/b", "ok, user@host"])
def test_malformed_hosts_stop_the_start(database_url, redis_url, value):
    with pytest.raises(BadSetting, match="PETITION_HOSTS must be"):
        Config(environment(database_url, redis_url, PETITION_HOSTS=value))


@pytest.mark.parametrize("value", ["http://", "https:///path", "http://a..b"])
def test_public_url_without_a_host_stops_the_start(database_url, redis_url, value):
    with pytest.raises(BadSetting, match="PUBLIC_URL must be"):
        Config(environment(database_url, redis_url, PUBLIC_URL=value))
