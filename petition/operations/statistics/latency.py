"""Latency histograms: counts in fixed buckets, so that a million emails take no more space than ten."""

from bisect import bisect_left
from collections.abc import Mapping

# Upper bounds, six per decade (the E6 series), so that an interpolated percentile is off by less than a fifth. The SQL
# function latency_bucket has the same bounds.
BUCKET_BOUNDS_SECONDS = (
    0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1.0, 1.5, 2.2, 3.3, 4.7, 6.8, 10.0, 15.0, 22.0, 33.0, 47.0, 68.0, 100.0, 150.0,
    220.0, 330.0, 470.0, 680.0, 1000.0, 1500.0, 2200.0, 3300.0, 4700.0, 6800.0, 10000.0, 15000.0, 22000.0, 33000.0,
    47000.0, 68000.0, 100000.0,
)  # fmt: skip

BucketCounts = Mapping[int, int]


def percentile(counts: BucketCounts, share: float) -> float | None:
    """Return the seconds that this share does not exceed, interpolated within its bucket; None without counts."""
    total = sum(counts.values())
    if not total:
        return None
    rank, below = share * total, 0
    for bucket in sorted(counts):
        if below + counts[bucket] >= rank:
            low = BUCKET_BOUNDS_SECONDS[bucket - 1] if bucket > 0 else 0.0
            high = BUCKET_BOUNDS_SECONDS[min(bucket, len(BUCKET_BOUNDS_SECONDS) - 1)]
            return low + (high - low) * max(0.0, rank - below) / counts[bucket]
        below += counts[bucket]
    return BUCKET_BOUNDS_SECONDS[-1]


def share_within(counts: BucketCounts, seconds: float) -> float | None:
    """Return the share that took less than one of the bounds (exact); None without counts."""
    total = sum(counts.values())
    if not total:
        return None
    last = bisect_left(BUCKET_BOUNDS_SECONDS, seconds)
    return sum(n for bucket, n in counts.items() if bucket <= last) / total


def total_seconds(counts: BucketCounts) -> float:
    """Return the estimated sum of all latencies, each taken as the middle of its bucket."""
    return sum(n * _bucket_midpoint(bucket) for bucket, n in counts.items())


def _bucket_midpoint(bucket: int) -> float:
    low = BUCKET_BOUNDS_SECONDS[bucket - 1] if bucket > 0 else 0.0
    return (low + BUCKET_BOUNDS_SECONDS[min(bucket, len(BUCKET_BOUNDS_SECONDS) - 1)]) / 2
