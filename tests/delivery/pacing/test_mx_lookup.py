import time

import pytest
from support.dns_server import DnsServer

from petition.delivery.pacing import mx_lookup
from petition.delivery.pacing.mx_lookup import MxLookup


@pytest.fixture
def dns(monkeypatch):
    # Long enough for an answer on a busy machine.
    monkeypatch.setattr(mx_lookup, "LOOKUP_SECONDS", 4.0)
    monkeypatch.setattr(mx_lookup, "TOTAL_SECONDS", 8.0)
    server = DnsServer().start()
    server.zone = {
        "orange.fr MX": ["20 backup.example.net.", "10 smtp-in.Orange.fr."],
        "nowhere.example MX": ["0 ."],
        "web.example A": ["192.0.2.1"],
        "slow.example MX": "SILENT",
        "broken.example MX": "SERVFAIL",
    }
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("domain", "server"),
    [
        ("orange.fr", "smtp-in.orange.fr"),
        ("nowhere.example", "nowhere.example"),
        ("web.example", "web.example"),
        ("no-such.example", "no-such.example"),
        ("broken.example", None),
        ("slow.example", None),
        ("no..name", None),
    ],
)
def test_preferred_mail_server_of_a_domain(dns, domain, server):
    found = MxLookup("127.0.0.1", dns.port).find_mail_servers([domain, "orange.fr"])
    assert found.get(domain) == server
    assert found["orange.fr"] == "smtp-in.orange.fr"


def test_silence_is_bounded_for_many_domains(dns, monkeypatch):
    monkeypatch.setattr(mx_lookup, "LOOKUP_SECONDS", 0.4)
    monkeypatch.setattr(mx_lookup, "TOTAL_SECONDS", 0.6)
    dns.zone = {f"s{n}.example MX": "SILENT" for n in range(60)}
    began = time.monotonic()
    assert MxLookup("127.0.0.1", dns.port).find_mail_servers([f"s{n}.example" for n in range(60)]) == {}
    assert time.monotonic() - began < 10, "60 lookups of 0.4 s would take 24"


def test_no_domain_asks_nothing():
    assert MxLookup().find_mail_servers([]) == {}
