"""Disposable domains: subdomains of one are too, others under the same provider of dynamic names are not."""

import pytest

from petition.safeguards.disposable_domains import is_disposable


@pytest.mark.parametrize(
    "address",
    ["zoe@yopmail.com", "zoe@inbox.yopmail.com", "zoe@a.b.yopmail.com", "zoe@000webmail.ddnss.de"],
)
def test_a_listed_domain_and_its_subdomains_are_disposable(address):
    assert is_disposable(address)


@pytest.mark.parametrize(
    "address",
    ["zoe@gmail.com", "zoe@example.org", "zoe@ddnss.de", "zoe@other.ddnss.de", "zoe@yopmail.com.example.org", "a@test"],
)
def test_no_other_domain_is(address):
    assert not is_disposable(address)
