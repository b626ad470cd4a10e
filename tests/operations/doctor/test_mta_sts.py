"""MTA-STS and TLS reports of the domain that bounces come back to, on a real DNS server."""

import pytest
from support.dns_server import DnsServer

from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.mta_sts import PolicyUnreachable, check_mta_sts

DOMAIN = "campagne.fr"
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: *.campagne.fr\r\nmax_age: 604800\r\n"
ZONE = {
    f"{DOMAIN} MX": ["10 mx.campagne.fr."],
    f"_mta-sts.{DOMAIN} TXT": ["v=STSv1; id=20261127"],
    f"_smtp._tls.{DOMAIN} TXT": ["v=TLSRPTv1; rua=mailto:tls@campagne.fr"],
}


@pytest.fixture(scope="module")
def server():
    server = DnsServer().start()
    yield server
    server.stop()


def check(server, changes, policy=POLICY):
    def fetch(domain):
        assert domain == DOMAIN
        if policy is None:
            raise PolicyUnreachable("404")
        return policy

    server.zone = {**ZONE, **changes}
    findings = check_mta_sts(Resolver("127.0.0.1", server.port), DOMAIN, fetch)
    return {finding.check: (finding.level.value, finding.message()) for finding in findings}


def test_policy_that_allows_the_mail_servers_is_ok(server):
    assert check(server, {}) == {
        "MTA-STS": ("ok", "MTA-STS of campagne.fr, mode enforce."),
        "TLS-RPT": ("ok", "TLS reports of campagne.fr are asked for."),
    }


def test_both_are_optional(server):
    found = check(server, dict.fromkeys(list(ZONE)[1:], ()), None)
    assert found == {"MTA-STS": ("ok", "campagne.fr has no MTA-STS, which is optional.")}


@pytest.mark.parametrize(
    ("changes", "policy", "name", "level", "words"),
    [
        ({}, None, "MTA-STS", "wrong", "cannot be fetched (404)"),
        ({}, "hello", "MTA-STS", "wrong", "is not valid"),
        ({}, POLICY.replace("*.campagne.fr", "mx.relay.net"), "MTA-STS", "wrong", "does not allow its mail server"),
        ({}, POLICY.replace("*.", "*.a."), "MTA-STS", "wrong", "does not allow its mail server mx.campagne.fr"),
        ({}, POLICY.replace("*.", "*.a.").replace("enforce", "testing"), "MTA-STS", "warning", "does not allow"),
        ({f"_mta-sts.{DOMAIN} TXT": ["v=STSv1;"]}, POLICY, "MTA-STS", "warning", "one record with an id="),
        ({f"_smtp._tls.{DOMAIN} TXT": ()}, POLICY, "TLS-RPT", "warning", "no TLS-RPT"),
        ({f"_smtp._tls.{DOMAIN} TXT": ["v=TLSRPTv1; rua=tls"]}, POLICY, "TLS-RPT", "warning", "is not valid"),
    ],
)
def test_what_is_wrong_is_named(server, changes, policy, name, level, words):
    found = check(server, changes, policy)
    assert found[name][0] == level
    assert words in found[name][1]
