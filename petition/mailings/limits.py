"""The limits on failures and unsubscribes beyond which a mailing pauses by itself."""

import re
from typing import NamedTuple

from petition.mailings.models import Mailing
from petition.mailings.progress import Progress

MIN_ATTEMPTS_FOR_LIMITS = 50  # emails tried, before which a share says little
STORED_PATTERN = re.compile(r"limit (failed|unsubscribed) (\d\.\d{4}) (\d\.\d{4})")


class ExceededLimit(NamedTuple):
    """A limit that a mailing exceeded: "failed" or "unsubscribed", the share of the emails tried, the limit."""

    name: str
    share: float
    limit: float


def format_exceeded_limit(exceeded: ExceededLimit) -> str:
    """Return the text that is stored as the mailing's reason: `limit failed 0.0800 0.0500`."""
    return f"limit {exceeded.name} {exceeded.share:.4f} {exceeded.limit:.4f}"


def parse_exceeded_limit(reason: str) -> ExceededLimit | None:
    """Return the limit that a stored reason is of, None where a person wrote the reason."""
    found = STORED_PATTERN.fullmatch(reason)
    return ExceededLimit(found[1], float(found[2]), float(found[3])) if found else None


def find_exceeded_limit(mailing: Mailing, progress: Progress) -> ExceededLimit | None:
    """Return the limit that a mailing exceeds since it was last resumed."""
    counts = {name: n - mailing.limits_baseline.get(name, 0) for name, n in progress.limit_counts().items()}
    if counts["tried"] < MIN_ATTEMPTS_FOR_LIMITS:
        return None
    limits = {"failed": mailing.failure_limit, "unsubscribed": mailing.unsubscribe_limit}
    for name, limit in limits.items():
        share = counts[name] / counts["tried"]
        if share > limit:
            return ExceededLimit(name, share, limit)
    return None
