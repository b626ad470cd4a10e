"""The domains that partners' mailings come from: their DKIM and DMARC records, on a real DNS server."""

import pytest
from support.dns_server import DnsServer
from support.factories import make_petition
from support.partners import end_partnership, make_partner, make_partnership

from petition.operations.doctor import partners
from petition.operations.doctor.dns_lookup import Resolver

KEY = "v=DKIM1; k=ed25519; p=" + "A" * 43 + "="
GOOD = {
    "s1._domainkey.choir.example CNAME": ["s1._domainkey.site.example."],
    "s1._domainkey.site.example TXT": [KEY],
    "_dmarc.choir.example TXT": ["v=DMARC1; p=none; rua=mailto:dmarc@choir.example"],
}


@pytest.fixture(scope="module")
def resolver():
    server = DnsServer().start()
    server.zone = GOOD
    yield Resolver("127.0.0.1", server.port)
    server.stop()


@pytest.fixture
def public_site(app, monkeypatch):
    """Have the doctor take the site for one that sends to the world."""
    monkeypatch.setattr(partners, "is_local", lambda: False)
    monkeypatch.setitem(app.config, "PETITION_DKIM_SELECTOR", "s1")


def test_domain_that_points_to_the_site_s_key_is_fine(public_site, resolver):
    make_partnership(make_petition(), make_partner("choir", from_address="news@choir.example"))
    found = {finding.check: finding for finding in partners.check_partners(resolver, ())}
    assert "wrong" not in {finding.level for finding in found.values()}
    assert "s1._domainkey.choir.example" in found["DKIM"].message()
    assert found["DMARC"].level == "ok"


def test_domain_without_the_records_is_wrong(public_site, resolver):
    make_partnership(make_petition(), make_partner("choir", from_address="news@school.example"))
    found = {finding.check: finding for finding in partners.check_partners(resolver, ())}
    assert found["DKIM"].level == found["DMARC"].level == "wrong"
    assert "s1._domainkey.school.example" in found["DKIM"].message()


def test_only_partners_with_an_address_and_a_petition_are_asked_about(public_site, resolver):
    petition = make_petition()
    make_partner("alone", from_address="news@alone.example")
    make_partnership(petition, make_partner("greens"))
    end_partnership(make_partnership(petition, make_partner("left", from_address="news@left.example")))
    assert partners.check_partners(resolver, ()) == []


def test_nothing_is_asked_on_one_s_own_machine(public_site, resolver, monkeypatch):
    monkeypatch.setattr(partners, "is_local", lambda: True)
    make_partnership(make_petition(), make_partner("choir", from_address="news@school.example"))
    assert partners.check_partners(resolver, ()) == []
