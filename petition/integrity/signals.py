"""What is improbable about a cluster of signatures, against what the other signers of the petition do.

A signal has a weight, and a cluster is held from `PETITION_INTEGRITY_SCORE` on. How many signatures there are and how
far apart they were made weigh half: a company, a school or a bar association has that, too. What people do weighs one:
nobody who hesitates, nobody who confirms from where they signed, names of others. So no signal holds anybody alone.
"""

from dataclasses import dataclass
from math import log
from typing import Any

from petition.integrity.models import ClusterKind, Signal

WEIGHTS = {
    Signal.LARGE: 0.5, Signal.SCATTERED: 0.5, Signal.NEW_DOMAINS: 0.5, Signal.SPELLINGS: 1.0, Signal.NAMES: 1.0,
    Signal.HURRIED: 1.0, Signal.ELSEWHERE: 1.0, Signal.COPIED: 1.0, Signal.UNRELATED: 1.0, Signal.SAME_BOXES: 1.0,
    Signal.REGULAR: 1.0, Signal.TOGETHER: -1.0,
}  # fmt: skip
# Odds against a signal arising by chance: e^10, one in 22,000.
MIN_SURPRISE_NATS = 10.0
# What signers of petitions do, weighed as so many of the petition's own.
PRIOR_WEIGHT = 50
PRIORS = {
    "quick": 0.45, "old_quick": 0.6, "same": 0.8, "copied": 0.03, "unrelated": 0.3,
    "box_both": 0.3, "box_updates": 0.1, "box_listed": 0.4, "box_none": 0.2,
}  # fmt: skip
TOTALS = {
    "quick": "settled", "old_quick": "old_settled", "same": "known", "copied": "n", "unrelated": "named",
    "box_both": "n", "box_updates": "n", "box_listed": "n", "box_none": "n",
}  # fmt: skip
BOXES = ("box_both", "box_updates", "box_listed", "box_none")
LARGE_SHARE, LARGE_SIGNATURES = 0.1, 100
# Spread over many networks: most have one of their own, or, as through a pool of proxies, no network has many.
SCATTERED_SHARE, POOL_SHARE, MIN_POOL = 0.75, 0.05, 50
TOGETHER_SHARE = 0.5
HURRIED_SHARE, OLD_HURRIED_SHARE = 0.92, 0.95
ELSEWHERE_SHARE, COPIED_SHARE, UNRELATED_SHARE, SAME_BOXES_SHARE = 0.3, 0.3, 0.7, 0.97
MIN_SLICES, MAX_DISPERSION = 20, 0.35
MIN_NEW_DOMAINS = 5

Profile = dict[str, Any]  # a row of `queries.PROFILE`
Signals = dict[str, list[float]]  # signal → [observed, expected]


@dataclass(frozen=True)
class Candidate:
    """Signatures of the window that have something in common; `domains`: how many, of a mail server."""

    kind: ClusterKind
    key: str
    n: int
    share: float
    domains: int = 1
    names: int = 0


def find_signals(candidate: Candidate, profile: Profile, reference: Profile | None) -> Signals:
    """Return which signals a cluster shows, each with what was observed and what the other signers make expect."""
    found: Signals = {}
    _look_at_size(candidate, profile, found)
    _look_at_behaviour(candidate, profile, expectations(reference), found)
    return found


def score(signals: Signals) -> float:
    """Return the sum of the weights of signals."""
    return sum(WEIGHTS[Signal(name)] for name in signals)


def expectations(reference: Profile | None) -> dict[str, float]:
    """Return the share of each behaviour among the other signers, and where they are few, among signers elsewhere."""
    expected = {}
    for name, prior in PRIORS.items():
        observed, total = (reference[name], reference[TOTALS[name]]) if reference else (0, 0)
        expected[name] = (observed + prior * PRIOR_WEIGHT) / (total + PRIOR_WEIGHT)
    return expected


def is_improbable(observed: int, total: int, expected: float) -> bool:
    """Return whether so many of a total are beyond chance where a share is expected (Chernoff's bound)."""
    if not total:
        return False
    share, expected = observed / total, min(max(expected, 0.001), 0.999)
    distance = (share * log(share / expected) if share else 0.0) + (
        (1 - share) * log((1 - share) / (1 - expected)) if share < 1 else 0.0
    )
    return total * distance >= MIN_SURPRISE_NATS


def _look_at_size(candidate: Candidate, profile: Profile, found: Signals) -> None:
    if candidate.kind == ClusterKind.MAILBOX:
        found[Signal.SPELLINGS] = [candidate.n, 1]
        if candidate.names > candidate.n / 2:
            found[Signal.NAMES] = [candidate.names, 1]
        return
    networked = profile["networked"]
    is_together = bool(networked) and profile["top_network"] / networked >= TOGETHER_SHARE
    if is_together and profile["same"] >= TOGETHER_SHARE * profile["known"]:
        found[Signal.TOGETHER] = [profile["top_network"] / networked, 0]
    if candidate.kind == ClusterKind.NETWORK:
        return
    if candidate.n >= LARGE_SIGNATURES and candidate.share >= LARGE_SHARE:
        found[Signal.LARGE] = [candidate.share, LARGE_SHARE]
    has_pool = networked >= MIN_POOL and profile["top_network"] / networked <= POOL_SHARE
    if has_pool or (networked and profile["networks"] / networked >= SCATTERED_SHARE):
        found[Signal.SCATTERED] = [profile["networks"] / networked, SCATTERED_SHARE]
    if candidate.kind == ClusterKind.MAIL_SERVER and candidate.domains >= MIN_NEW_DOMAINS:
        found[Signal.NEW_DOMAINS] = [candidate.domains, 1]


def _look_at_behaviour(candidate: Candidate, profile: Profile, expected: dict[str, float], found: Signals) -> None:
    def exceeds(name: str, least: float) -> bool:
        observed, total = profile[name], profile[TOTALS[name]]
        return total > 0 and observed / total >= least and is_improbable(observed, total, expected[name])

    def note(signal: Signal, name: str) -> None:
        found[signal] = [profile[name] / profile[TOTALS[name]], expected[name]]

    if exceeds("quick", HURRIED_SHARE):
        note(Signal.HURRIED, "quick")
    elif exceeds("old_quick", OLD_HURRIED_SHARE):
        note(Signal.HURRIED, "old_quick")
    boxes = [(Signal.SAME_BOXES, name, SAME_BOXES_SHARE) for name in BOXES]
    for signal, name, least in ((Signal.COPIED, "copied", COPIED_SHARE),
                                (Signal.UNRELATED, "unrelated", UNRELATED_SHARE), *boxes):  # fmt: skip
        if exceeds(name, least):
            note(signal, name)
    if candidate.kind != ClusterKind.NETWORK and _is_elsewhere(profile, expected):
        note(Signal.ELSEWHERE, "same")
    if profile["slices"] >= MIN_SLICES and 0 <= profile["dispersion"] <= MAX_DISPERSION:
        found[Signal.REGULAR] = [float(profile["dispersion"]), 1]


def _is_elsewhere(profile: Profile, expected: dict[str, float]) -> bool:
    """Return whether they confirm from another network. People leave a network, as of Tor, but not all of a domain."""
    known, same = profile["known"], profile["same"]
    return bool(known) and same / known <= ELSEWHERE_SHARE and is_improbable(same, known, expected["same"])
