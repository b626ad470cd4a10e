import pytest
from limits import parse, parse_many

from petition.core.redis import get_client as redis_client
from petition.safeguards import rate_limiter
from petition.safeguards.rate_limiter import RateLimitEvent, count_events


@pytest.fixture
def set_time(app, monkeypatch):
    """Return a function that sets the limiter's clock, in seconds after the start of an hour."""
    now = 1_800_000_000.0  # start of a minute and of an hour

    def set_(seconds):
        monkeypatch.setattr(rate_limiter.time, "time", lambda: now + seconds)

    set_(0)
    return set_


def events(text, key="k"):
    return [RateLimitEvent("test", key, limit) for limit in parse_many(text)]


def test_previous_window_weighs_less_with_each_second(set_time):
    three = events("3/minute")
    set_time(50)
    assert [count_events(three) for _ in range(3)] == [None] * 3
    assert count_events(three).retry_after_seconds == pytest.approx(10, abs=0.1)
    set_time(61)
    assert count_events(three) is None  # 2.95 of them still count
    over = count_events(three)
    assert over.event == three[0]
    set_time(61 + over.retry_after_seconds + 0.01)
    assert count_events(three) is None, "the returned wait is sufficient"
    assert count_events(three) is not None
    set_time(181)
    assert [count_events(three) for _ in range(3)] == [None] * 3


def test_first_exceeded_limit_is_returned(set_time):
    both = events("3/minute;5/hour")
    for minute in range(2):
        set_time(minute * 180)
        found = [count_events(both) for _ in range(4)]
        assert [bool(over) for over in found] == [[False] * 3 + [True], [False] * 2 + [True] * 2][minute]
    assert found[2].event.limit == parse("5/hour")
    assert 0 < found[2].retry_after_seconds <= 3600


def test_keys_are_independent_and_expire(set_time):
    assert count_events(events("1/minute", "a")) is None
    assert count_events(events("1/minute", "b")) is None
    assert count_events(events("1/minute", "a")) is not None
    store = redis_client()
    ttls = [store.ttl(key) for key in store.scan_iter("petition:limit:*")]
    assert len(ttls) == 2
    assert all(0 < ttl <= 120 for ttl in ttls)


def test_script_is_loaded_again_after_a_restart_of_redis(app):
    redis_client().script_flush()
    assert count_events(events("1/minute")) is None
    assert count_events(events("1/minute")) is not None
