import pytest

from petition.petitions.counters import compute_goal


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        (0, 100),
        (99, 100),
        (100, 250),
        (249, 250),
        (250, 500),
        (999, 1000),
        (1000, 2500),
        (2_400_000, 2_500_000),
        (5_000_000, 10_000_000),
    ],
)
def test_next_goal_is_above_the_count(confirmed, expected):
    assert compute_goal([100, 250], confirmed) == expected
