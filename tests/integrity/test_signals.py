"""What counts as improbable, and that no signal holds anybody alone."""

import pytest

from petition.integrity.models import ClusterKind, Signal
from petition.integrity.signals import (
    PRIORS,
    WEIGHTS,
    Candidate,
    expectations,
    find_signals,
    is_improbable,
    score,
)

HELD_FROM = 2.0


def profile(**values):
    """Return what a hundred people do who have nothing in common."""
    usual = {
        "n": 100, "confirmed": 78, "settled": 100, "quick": 45, "old_settled": 100, "old_quick": 60, "known": 78,
        "same": 62, "networked": 100, "networks": 60, "top_network": 8, "box_both": 30, "box_updates": 10,
        "box_listed": 40, "box_none": 20, "copied": 3, "named": 100, "unrelated": 30, "dispersion": 1.4, "slices": 20,
    }  # fmt: skip
    return usual | values


def domain(n=100, share=0.05):
    return Candidate(ClusterKind.DOMAIN, "domain.fr", n, share)


def test_people_show_no_signal():
    assert find_signals(domain(), profile(), None) == {}


@pytest.mark.parametrize(
    ("signal", "values"),
    [
        (Signal.HURRIED, {"quick": 98}),
        (Signal.HURRIED, {"old_quick": 99}),
        (Signal.ELSEWHERE, {"same": 2}),
        (Signal.COPIED, {"copied": 60}),
        (Signal.UNRELATED, {"unrelated": 95}),
        (Signal.SAME_BOXES, {"box_listed": 100, "box_both": 0, "box_updates": 0, "box_none": 0}),
        (Signal.REGULAR, {"dispersion": 0.1}),
        (Signal.SCATTERED, {"networks": 98}),
        (Signal.SCATTERED, {"networks": 25, "top_network": 5}),
    ],
)
def test_one_signal_is_found_and_holds_nobody(signal, values):
    found = find_signals(domain(), profile(**values), None)
    assert list(found) == [signal]
    assert score(found) < HELD_FROM


def test_two_behaviours_hold():
    assert score(find_signals(domain(), profile(quick=98, same=2), None)) >= HELD_FROM


def test_size_and_distance_do_not_hold_with_each_other():
    found = find_signals(domain(n=5_000, share=0.6), profile(networks=100), None)
    assert set(found) == {Signal.LARGE, Signal.SCATTERED}
    assert score(found) < HELD_FROM


def test_people_in_one_place_may_hurry_and_tick_what_they_are_told():
    together = profile(quick=98, networks=1, top_network=100, same=75, box_listed=100, box_both=0)
    found = find_signals(domain(), together, None)
    assert {Signal.HURRIED, Signal.SAME_BOXES, Signal.TOGETHER} <= set(found)
    assert score(found) < HELD_FROM


def test_who_leaves_a_network_is_not_suspected_for_it():
    found = find_signals(Candidate(ClusterKind.NETWORK, "hash", 100, 0.05), profile(same=1), None)
    assert Signal.ELSEWHERE not in found


def test_few_prove_nothing():
    assert not is_improbable(3, 3, 0.45)
    assert is_improbable(30, 30, 0.45)
    assert not is_improbable(0, 0, 0.5)


def test_expectations_follow_the_petition_once_it_has_signers():
    assert expectations(None) == pytest.approx(PRIORS)
    assert expectations(profile(settled=2_000, quick=1_800))["quick"] == pytest.approx(0.89, abs=0.01)


def test_every_signal_has_a_weight_and_none_is_enough():
    assert set(WEIGHTS) == set(Signal)
    assert max(WEIGHTS.values()) < HELD_FROM
