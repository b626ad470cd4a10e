"""Time zones by name."""

from unittest.mock import patch

import pytest

from petition.core import clock


@pytest.mark.parametrize(
    ("name", "known"),
    [("Europe/Paris", True), ("UTC", True), ("Europe/Nowhere", False), ("europe/paris", False), ("../etc", False)],
)
def test_a_time_zone_has_a_name(name, known):
    assert clock.is_timezone(name) == known


def test_the_files_of_time_zones_are_read_once():
    clock.is_timezone("UTC")
    with patch.object(clock, "available_timezones") as read:
        assert clock.is_timezone("UTC")
    assert not read.called
