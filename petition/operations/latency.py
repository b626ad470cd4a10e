"""How long emails and confirmations took, kept as counts in buckets so that a day's million costs no more than ten."""

from bisect import bisect_left
from collections.abc import Mapping

# Seconds; six to a tenfold (the E6 series), so that a figure between two bounds is off by less than a fifth. The
# database's function latency_bucket has the same bounds.
BUCKET_BOUNDS_SECONDS = (
    0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1.0, 1.5, 2.2, 3.3, 4.7, 6.8, 10.0, 15.0, 22.0, 33.0, 47.0, 68.0, 100.0, 150.0,
    220.0, 330.0, 470.0, 680.0, 1000.0, 1500.0, 2200.0, 3300.0, 4700.0, 6800.0, 10000.0, 15000.0, 22000.0, 33000.0,
    47000.0, 68000.0, 100000.0,
)  # fmt: skip

BucketCounts = Mapping[int, int]


def percentile(counts: BucketCounts, share: float) -> float | None:
    """Return the seconds within which this share of the waits ended, interpolated within its bucket; None of none."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, below = share * total, 0
    for bucket in sorted(counts):
        if below + counts[bucket] >= wanted:
            low = BUCKET_BOUNDS_SECONDS[bucket - 1] if bucket > 0 else 0.0
            high = BUCKET_BOUNDS_SECONDS[min(bucket, len(BUCKET_BOUNDS_SECONDS) - 1)]
            return low + (high - low) * max(0.0, wanted - below) / counts[bucket]
        below += counts[bucket]
    return BUCKET_BOUNDS_SECONDS[-1]


def share_within(counts: BucketCounts, seconds: float) -> float | None:
    """Return the share of the waits that were shorter than one of the bounds, exactly; None of none."""
    total = sum(counts.values())
    if not total:
        return None
    last = bisect_left(BUCKET_BOUNDS_SECONDS, seconds)
    return sum(n for bucket, n in counts.items() if bucket <= last) / total


def total_seconds(counts: BucketCounts) -> float:
    """Return the sum of the waits as far as the buckets tell: each in the middle of its own."""
    return sum(n * _bucket_midpoint(bucket) for bucket, n in counts.items())


def _bucket_midpoint(bucket: int) -> float:
    low = BUCKET_BOUNDS_SECONDS[bucket - 1] if bucket > 0 else 0.0
    return (low + BUCKET_BOUNDS_SECONDS[min(bucket, len(BUCKET_BOUNDS_SECONDS) - 1)]) / 2
