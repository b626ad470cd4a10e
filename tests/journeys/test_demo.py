"""The demo passes its own checks, and leaves no personal data outside PostgreSQL."""

import re
import subprocess
import sys

import psycopg
import pytest
import redis
from support.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("stack")]


def play(stack, *arguments):
    command = [sys.executable, "-m", "petition.cli", "demo", "--data", str(stack.data), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)


def test_demo_passes_and_leaves_no_personal_data_outside_the_database(stack):
    before = stack.count()
    played = play(stack, "--people", "150", "--organisations", "30", "--seed", "7")
    assert played.returncode == 0, played.stdout + played.stderr
    after = stack.count()
    assert after["people"] - before["people"] == 150
    assert after["organisations"] - before["organisations"] == 30
    settings = stack.settings()
    with psycopg.connect(settings["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")) as connection:
        rows = connection.execute("SELECT email, name FROM signatures WHERE email <> ''").fetchall()
    personal = {text.lower() for row in rows for text in row}
    tokens = set(
        re.findall(r"/(?:c|me)/([\w.-]{20,})", "".join(m["text"] for m in stack.get("/mailbox/messages.json").json))
    )
    assert len(rows) >= 180
    assert len(tokens) >= 180
    holes = {"the log": stack.output.read_text()}
    holes |= {path.name: path.read_text(errors="replace") for path in stack.data.glob("*.log")}
    store = redis.Redis.from_url(settings["REDIS_URL"])
    holes["Redis"] = "\n".join(f"{key!r} {value!r}" for key in store.scan_iter() for value in contents(store, key))
    for place, text in holes.items():
        lowered = text.lower()
        assert [word for word in personal if word in lowered] == [], place
        assert [token for token in tokens if token in text] == [], place
        assert not re.search(r"[\w.+-]+@example\.(org|net|com)", text.replace("petition@example.org", "")), place


def contents(store, key):
    """Return everything that is stored under a key, whatever its type."""
    readers = {
        b"string": lambda: [store.get(key)],
        b"list": lambda: store.lrange(key, 0, -1),
        b"set": lambda: store.smembers(key),
        b"zset": lambda: store.zrange(key, 0, -1, withscores=True),
        b"hash": lambda: store.hgetall(key).items(),
        b"none": list,
    }
    return readers[store.type(key)]()
