"""Only public addresses, however they are written, whatever a name resolves to."""

import socket
from ipaddress import ip_address

import pytest

from petition.integrations.webhooks import addresses
from petition.integrations.webhooks.addresses import ForbiddenAddress, is_allowed, parse_url, resolve

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fec0::1", "fd00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1",
    "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_refused(app, address):
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_allowed(app, address):
    assert is_allowed(ip_address(address))


def test_loopback_is_allowed_by_the_setting_alone(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_WEBHOOK_LOCAL", True)
    assert is_allowed(ip_address("127.0.0.1"))
    assert not is_allowed(ip_address("10.0.0.1"))
    assert not is_allowed(ip_address("169.254.169.254"))
    assert parse_url("http://localhost:1/x") == ("http", "localhost", 1, "/x")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https://user:pass@example.org/", "file:///etc/passwd",
        "https://example.org:99999/", "https://exa mple.org/", "https://example.org/\r\nX: y", "https://[::1",
        "javascript:alert()", "", "https://example.org/" + "a" * 500,
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook_is_refused(app, url):
    with pytest.raises(ForbiddenAddress):
        parse_url(url)


def answer(*found):
    return lambda host, port, type: [(0, 0, 0, "", (address, port)) for address in found]


def test_a_name_is_resolved_once_and_each_of_its_addresses_checked(app, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answer("8.8.8.8"))
    target = resolve("https://hooks.example.org/a?b=c")
    assert (target.host, target.port, target.path, target.address) == ("hooks.example.org", 443, "/a?b=c", "8.8.8.8")
    for found in (("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("::1",)):
        monkeypatch.setattr(socket, "getaddrinfo", answer(*found))
        with pytest.raises(ForbiddenAddress, match="not a public address"):
            resolve("https://hooks.example.org/")


def test_a_name_that_nobody_knows(app, monkeypatch):
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *args, **kwargs: (_ for _ in ()).throw(OSError))
    with pytest.raises(ForbiddenAddress, match="unknown host"):
        resolve("https://none.example.org/")


@pytest.mark.parametrize("url", ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://localhost/"])
def test_other_spellings_of_loopback_are_resolved_and_refused(app, url):
    with pytest.raises(ForbiddenAddress):
        resolve(url)
