from ipaddress import ip_address, ip_network

from petition.demo.fake_people import DOMAINS, generate_signers, list_organisations, load_front_matter


def test_addresses_are_unique_and_reach_nobody() -> None:
    signers = generate_signers(2000, 65, seed=1, run="a1b2c3")
    addresses = [signer.email for signer in signers]
    assert len(set(addresses)) == 2065
    for address in addresses:
        local, domain = address.split("@")
        assert domain in DOMAINS
        assert len(local) <= 64
        assert local.isascii()


def test_same_seed_same_people() -> None:
    assert generate_signers(50, 5, 7, "run") == generate_signers(50, 5, 7, "run")
    assert generate_signers(50, 5, 7, "run") != generate_signers(50, 5, 8, "run")


def test_another_run_changes_addresses_only() -> None:
    one, two = generate_signers(50, 5, 7, "one"), generate_signers(50, 5, 7, "two")
    assert [signer.name for signer in one] == [signer.name for signer in two]
    assert not {signer.email for signer in one} & {signer.email for signer in two}


def test_organisations_sign_by_their_names_and_are_listed() -> None:
    bodies = [signer for signer in generate_signers(10, 30, 7, "run") if signer.party == "organisation"]
    assert {body.organisation for body in bodies} == set(list_organisations())
    assert all(body.listed for body in bodies)


def test_professions_are_those_of_the_campaign() -> None:
    lists = load_front_matter()["professions"]
    offered = {locale: {form for line in lines for form in line.split(" / ")} for locale, lines in lists.items()}
    assert all(signer.profession in offered[signer.locale] for signer in generate_signers(300, 30, 7, "run"))


def test_networks_spread_over_many() -> None:
    networks = [ip_address(signer.network) for signer in generate_signers(600, 30, 7, "run")]
    assert all(address in ip_network("198.18.0.0/15") for address in networks)
    assert len({ip_network(f"{address}/24", strict=False) for address in networks}) == 512


def test_an_unticked_box_is_absent_from_the_form() -> None:
    for signer in generate_signers(40, 0, 7, "run"):
        assert ("listed" in signer.as_form()) is signer.listed
        assert signer.as_json()["listed"] is signer.listed
        assert "network" not in signer.as_json()
