"""A proxy that keeps what it may, the public pages for seconds and assets for ever, and that waits for slow clients."""

import itertools
import re
import resource
import signal
import socket
import time
import urllib.parse
from contextlib import suppress

import pytest
from support.factories import make_petition
from support.nginx import NGINX, Nginx
from support.waiting import wait_for

from petition.core.languages.languages import LANGUAGES
from petition.petitions.views.public import CACHE_CONTROL

pytestmark = [
    pytest.mark.slow,
    pytest.mark.journey,
    pytest.mark.xdist_group("cache"),
    pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx"),
]
CLIENTS = 10_000
CLIENT_TIMEOUT_SECONDS = 10  # seconds that the proxy waits for the next byte of a form, and for all headers
PAGE, LIST = "/p/jardin", "/p/jardin/signatories"


@pytest.fixture
def proxy(app_processes, tmp_path):
    make_petition()
    app_processes.environ["PATH"] += ":/usr/sbin"
    app_processes.web()
    folder = tmp_path / "nginx"
    folder.mkdir()
    proxy = Nginx(folder, app_processes.port).start()
    yield proxy
    proxy.stop()


def is_cached(proxy, path, **headers):
    """Return whether the proxy answered from what it keeps, the second of two times."""
    proxy.site.request("GET", path, **headers)
    return proxy.site.request("GET", path, **headers).headers["X-Cache"] == "HIT"


def test_a_petition_that_was_closed_is_not_shown_open_to_the_first_who_comes_later(app_processes, proxy):
    assert 'name="email"' in proxy.site.get(PAGE).text
    assert app_processes.petition("petitions", "close", "jardin").returncode == 0
    time.sleep(6)  # what the page may be kept for, and one: nobody comes meanwhile, as at night
    answer = proxy.site.get(PAGE)
    assert answer.headers["X-Cache"] in ("EXPIRED", "MISS")
    assert 'name="email"' not in answer.text


def test_each_reader_gets_the_page_in_their_language_and_from_the_cache(proxy):
    for _ in range(2):  # all of them are cached once the first time is over
        for code in LANGUAGES:
            browser = {"Accept-Language": f"{code}-XX,{code};q=0.9,xx;q=0.8"}
            answer = proxy.site.request("GET", PAGE, **browser)
            assert f'<html lang="{code}"' in answer.text
            assert is_cached(proxy, PAGE, **browser), code
            assert f'<html lang="{code}"' in proxy.site.request("GET", PAGE, **browser).text


def test_only_public_pages_and_assets_are_cached(app_processes, proxy, mail_server):
    app_processes.worker()
    site = proxy.site
    for path in (PAGE, LIST, f"{PAGE}/embed", f"{PAGE}?lang=en", f"{LIST}?lang=en"):
        answer = site.get(path)
        assert (answer.status, answer.headers["Cache-Control"], answer.headers["Set-Cookie"]) == (
            200,
            CACHE_CONTROL,
            None,
        )
        assert "csrf" not in answer.text, "what many get holds no token of one"
        assert is_cached(proxy, path), path
    assert site.request("GET", PAGE, **{"Accept-Language": "en-GB,en;q=0.9,fr;q=0.5"}).text != site.get(PAGE).text
    assert is_cached(proxy, PAGE, Cookie="team=somebody; other=1"), "who is signed in gets the same page"
    for asset in set(re.findall(r'"(/static/[^"]+)"', site.get(PAGE).text)):
        assert is_cached(proxy, asset.replace("&amp;", "&")), asset

    form = {"name": "Zoé Martin", "email": "zoe@example.org", "listed": "1"}
    assert site.request("POST", f"{PAGE}/sign", form=form).status == 303
    assert site.request("POST", f"{PAGE}/sign", form={**form, "email": "no"}).status == 422
    assert site.request("POST", f"{PAGE}/embed", form={**form, "email": "no"}).status == 422
    wait_for(lambda: mail_server.addresses, 20, "the link")
    link = mail_server.link_to("zoe@example.org")
    personal = site.confirm(link).headers["Location"]
    for path in (
        link, personal, f"{personal}/data", f"{PAGE}/check-your-email",
        f"{PAGE}/embed/check-your-email", "/", "/account/sign-in", "/desk/", "/ops/",
        "/api/v1/petitions", "/api/v1/petitions/jardin", "/api/v1/petitions/jardin/count",
        "/api/v1/petitions/jardin/signatories", "/healthz", "/readyz", "/metrics", "/p/nothing", "/c/nothing",
        "/u/nothing", "/static/petition.css", "/static/petition.css?v=0123456789",
    ):  # fmt: skip
        first, second = site.get(path), site.get(path)
        assert second.headers["X-Cache"] in (None, "MISS"), path
        assert "no-store" in first.headers["Cache-Control"], path
    wait_for(lambda: "Zoé Martin" in site.get(LIST).text, 20, "the name in the list, which is cached for seconds")
    wait_for(lambda: site.get(PAGE).text == app_processes.site.get(PAGE).text, 20, "the same page as without the proxy")
    cached = b"".join(file.read_bytes() for file in (proxy.folder / "cache").rglob("*") if file.is_file())
    assert b"Pour un jardin" in cached
    for secret in (link.rpartition("/")[2], urllib.parse.urlsplit(personal).path.rpartition("/")[2], "zoe@example.org"):
        assert secret.encode() not in cached
        assert secret not in (proxy.folder / "nginx.log").read_text()


def test_a_page_is_shown_while_the_application_is_away(app_processes, proxy):
    before = proxy.site.get(PAGE).text
    app_processes.end("web", signal.SIGKILL)
    wait_for(lambda: proxy.site.get(PAGE).headers["X-Cache"] in ("STALE", "UPDATING"), 20, "a page past its time")
    assert proxy.site.get(PAGE).text == before
    assert proxy.site.request("POST", f"{PAGE}/sign", form={}).status == 502
    app_processes.web()
    wait_for(lambda: proxy.site.get(PAGE).headers["X-Cache"] == "HIT", 30, "a fresh page")


@pytest.fixture
def slow_clients(proxy):
    """Yield 10,000 clients in the middle of a request: half of their headers, half of a form."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < CLIENTS + 2000:
        pytest.skip("needs many open files: ulimit -Hn 50000")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (CLIENTS + 2000, most))
    clients = []
    for n in range(CLIENTS):
        # Half of them from a hundred places, as a proxy may limit each.
        source = (f"127.1.{n % 100}.1", 0) if n % 2 else None
        client = socket.create_connection(("127.0.0.1", proxy.port), 10, source)
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\nname=Z"
        client.sendall(b"POST /p/jardin/sign HTTP/1.1\r\nHost: localhost\r\n" + (form if n % 2 else b"X-Slow: "))
        clients.append(client)
    yield clients
    for client in clients:
        client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_signing_goes_on_beside_ten_thousand_slow_clients(proxy, slow_clients):
    numbers, ends = itertools.count(), time.monotonic() + 1.5 * CLIENT_TIMEOUT_SECONDS
    while time.monotonic() < ends:
        for client in slow_clients:
            with suppress(OSError):
                client.send(b"x")
        for n in itertools.islice(numbers, 10):
            form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
            assert proxy.site.request("POST", f"{PAGE}/sign", form=form, network=n).status == 303
    headers, forms = slow_clients[::2], slow_clients[1::2]
    assert not any(map(is_disconnected, forms[:100])), "a byte now and then is enough to stay"
    assert all(map(is_disconnected, headers[:100])), "headers have to come whole in time"
    for client in forms[:2]:
        client.settimeout(3 * CLIENT_TIMEOUT_SECONDS)
        with pytest.raises(ConnectionResetError):  # closed after ten seconds without data
            client.recv(100)


def is_disconnected(client):
    """Return whether the proxy has ended a connection."""
    client.setblocking(False)
    try:
        return client.recv(100) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
