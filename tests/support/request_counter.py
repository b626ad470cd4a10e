"""Count requests without the thread that adds the counts to the database every few seconds."""

import os

from flask import Flask

from petition.operations.web_requests import count_requests


def count_without_thread(app: Flask) -> None:
    """Count an application's requests; a test flushes the counts itself.

    The thread would outlive its test, and add the counts of one test to the database in the middle of another.
    """
    count_requests(app)._pid = os.getpid()
