import pytest
from limits import parse, parse_many

from petition.core.redis import client as redis_client
from petition.safeguards import rates
from petition.safeguards.rates import Event, count


@pytest.fixture
def at(app, monkeypatch):
    """Return a function that sets the time that the windows go by."""
    now = 1_800_000_000.0  # where a minute and an hour begin

    def set_(seconds):
        monkeypatch.setattr(rates.time, "time", lambda: now + seconds)

    set_(0)
    return set_


def events(text, key="k"):
    return [Event("test", key, limit) for limit in parse_many(text)]


def test_what_was_counted_before_weighs_less_with_each_second(at):
    three = events("3/minute")
    at(50)
    assert [count(three) for _ in range(3)] == [None] * 3
    assert count(three).wait == pytest.approx(10, abs=0.1)
    at(61)
    assert count(three) is None  # 2.95 of them still count
    over = count(three)
    assert over.event == three[0]
    at(61 + over.wait + 0.01)
    assert count(three) is None, "the wait that was told is enough"
    assert count(three) is not None
    at(181)
    assert [count(three) for _ in range(3)] == [None] * 3


def test_each_limit_counts_and_the_first_that_is_reached_is_told(at):
    both = events("3/minute;5/hour")
    for minute in range(2):
        at(minute * 180)
        found = [count(both) for _ in range(4)]
        assert [bool(over) for over in found] == [[False] * 3 + [True], [False] * 2 + [True] * 2][minute]
    assert found[2].event.limit == parse("5/hour")
    assert 0 < found[2].wait <= 3600


def test_keys_are_apart_and_are_forgotten(at):
    assert count(events("1/minute", "a")) is None
    assert count(events("1/minute", "b")) is None
    assert count(events("1/minute", "a")) is not None
    store = redis_client()
    lives = [store.ttl(key) for key in store.scan_iter("petition:limit:*")]
    assert len(lives) == 2
    assert all(0 < life <= 120 for life in lives)


def test_the_script_is_sent_again_to_a_redis_that_was_restarted(app):
    redis_client().script_flush()
    assert count(events("1/minute")) is None
    assert count(events("1/minute")) is not None
