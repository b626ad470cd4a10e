"""The Sentinel URL in kombu's form, and commands that return their connection to the pool."""

import pytest
from redis.exceptions import ResponseError

from petition.core.redis import execute_command
from petition.core.redis_sentinel import parse_sentinel_url


@pytest.mark.parametrize(
    ("url", "kombu"),
    [
        ("sentinel://h/main", "sentinel://h:26379/0"),
        ("sentinel://u:a%2Fb@h:1,[::1]:2/main/3", "sentinel://u:a%2Fb@h:1/3;sentinel://u:a%2Fb@[::1]:2/3"),
    ],
)
def test_sentinel_url_is_converted_for_kombu(url, kombu):
    parsed = parse_sentinel_url(url)
    assert parsed.name == "main"
    assert parsed.kombu_url == kombu
    assert parsed.login in ({}, {"username": "u", "password": "a/b"})


def test_connection_is_returned_to_the_pool_whatever_the_answer(app):
    connection = execute_command("CLIENT", "ID")
    for n in range(20):
        with pytest.raises(ResponseError):
            execute_command("NOTHING", "like", "it")
        assert execute_command("ECHO", n) == str(n).encode()
        assert execute_command("CLIENT", "ID") == connection
