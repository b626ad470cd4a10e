"""One URL for Sentinels, as settings, Celery and our own client read it; a question gives its connection back."""

import pytest
from redis.exceptions import ResponseError

from petition.core.redis import ask, client
from petition.core.sentinels import parse


@pytest.mark.parametrize(
    ("url", "kombu"),
    [
        ("sentinel://h/main", "sentinel://h:26379/0"),
        ("sentinel://u:a%2Fb@h:1,[::1]:2/main/3", "sentinel://u:a%2Fb@h:1/3;sentinel://u:a%2Fb@[::1]:2/3"),
    ],
)
def test_the_url_of_sentinels_becomes_celerys(url, kombu):
    watched = parse(url)
    assert watched.name == "main"
    assert watched.for_kombu == kombu
    assert watched.login in ({}, {"username": "u", "password": "a/b"})


def test_a_question_gives_its_connection_back_whatever_the_answer(app):
    assert ask("ECHO", "a") == b"a"
    before = client().info("clients")["connected_clients"]
    for n in range(20):
        with pytest.raises(ResponseError):
            ask("NOTHING", "like", "it")
        assert ask("ECHO", n) == str(n).encode()
    assert client().info("clients")["connected_clients"] == before
