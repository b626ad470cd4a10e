"""One URL for Sentinels, as settings, Celery and our own client read it."""

import pytest

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
