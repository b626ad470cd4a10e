"""How long a confirmation takes while a mailing to 100,000 runs, against the same system with nothing else to do.

    .venv/bin/python benchmarks/mailing_latency.py [--recipients 100000] [--signatures 300] [--json FILE]

Starts its own PostgreSQL (fsync on) and Valkey, web, a worker for confirmations, one for the other lanes, beat, and
Postfix's smtp-sink where it is installed (else a sink in Python). Signs five times a second through the JSON API:
first idle, then under the mailing, then idle again. The figure is the p95 from the row to the mail server's 250, by the
database's own clock.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mailserver import MailServer  # noqa: E402
from parts import Parts  # noqa: E402
from ports import free_port  # noqa: E402
from running import wait_for  # noqa: E402

from petition.embedded.postgres import Postgres  # noqa: E402
from petition.embedded.valkey import Valkey  # noqa: E402

PER_SECOND = 5
SIGNERS = """
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from, confirmed_at, confirmed_no)
    SELECT p.id, 'person', 'confirmed', 'Signer ' || n, 'r' || n || '@example.org', 'r' || n || '@example.org', 'fr',
           true, true, 'page', 1, 1, now(), n
    FROM petitions p, generate_series(1, %(n)s) AS n
"""
START = """
    INSERT INTO mailings (name, state, version, sender_name, timezone, segment, written_by, send_at)
    SELECT 'Bench', 'scheduled', 1, 'Bench', 'UTC', jsonb_build_object('petitions', jsonb_build_array(id)), 'bench',
           now()
    FROM petitions RETURNING id
"""
WORDS = "INSERT INTO mailing_texts VALUES (%s, 'fr', 'Des nouvelles, {{ name }}', '', 'Bonjour {{ name }},\n\nMerci.')"
WAITS = """
    SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM settled_at - created_at)),
           count(*), count(*) FILTER (WHERE state = 'sent')
    FROM deliveries WHERE kind = 'confirm_signature' AND created_at BETWEEN %s AND %s
"""


def sink(folder):
    """Start a sink; returns its port and how to stop it."""
    port = free_port()
    program = shutil.which("smtp-sink") or shutil.which("/usr/sbin/smtp-sink")
    if program:
        process = subprocess.Popen([program, "-c", f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL, cwd=folder)
        return port, process.terminate, "smtp-sink"
    server = MailServer()
    server.reads = False
    server.start(port)
    return port, server.stop, "aiosmtpd"


def sign(parts, database, numbers, n):
    """Sign at a steady pace and return the percentiles once all those emails have left."""
    began = database.execute("SELECT clock_timestamp()").fetchone()[0]
    start = time.monotonic()
    for place in range(n):
        time.sleep(max(0.0, start + place / PER_SECOND - time.monotonic()))
        number = next(numbers)
        body = {"name": "Zoé Martin", "email": f"b{number}@bench.example", "locale": "fr"}
        path = "/api/v1/petitions/internet-en-prison/signatures"
        assert parts.site.ask("POST", path, body=body, network=number).status == 202
    ended = database.execute("SELECT clock_timestamp()").fetchone()[0]
    wait_for(lambda: len(set(database.execute(WAITS, (began, ended)).fetchone()[1:])) == 1, 60, "the last confirmation")
    p50, p95, p99 = database.execute(WAITS, (began, ended)).fetchone()[0]
    return {"p50": round(p50, 4), "p95": round(p95, 4), "p99": round(p99, 4), "signatures": n}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--recipients", type=int, default=100_000)
    options.add_argument("--signatures", type=int, default=300)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="petition-bench-"))
    folder.chmod(0o755)
    postgres, valkey = Postgres(folder), Valkey(folder, free_port())
    postgres.start(), valkey.start()
    port, stop_sink, sink_name = sink(folder)
    parts = Parts(folder, postgres.url, valkey.url, port)
    parts.environ["PETITION_SIGN_LIMIT"] = "100000/minute"
    try:
        parts.petition("db", "upgrade")
        parts.petition("petitions", "create", str(ROOT / "petition/demo/internet-en-prison.md"), "--open")
        plain = postgres.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(plain, autocommit=True) as database:
            database.execute(SIGNERS, {"n": given.recipients})
            database.execute("ANALYZE")
            parts.web()
            parts.worker("confirmations", name="confirmations")
            parts.worker("notices,mailings,upkeep", name="rest")
            parts.beat()
            numbers = itertools.count(1)
            sign(parts, database, numbers, 25)  # warm
            result = {"recipients": given.recipients, "sink": sink_name, "cores": os.cpu_count()}
            result["idle"] = sign(parts, database, numbers, given.signatures)
            mailing = database.execute(START).fetchone()[0]
            database.execute(WORDS, (mailing,))
            sent = "SELECT count(*) FROM deliveries WHERE kind = 'mailing' AND state = 'sent'"
            wait_for(lambda: database.execute(sent).fetchone()[0] > 200, 120, "the mailing's beginning")
            before, began = database.execute(sent).fetchone()[0], time.monotonic()
            result["mailing"] = sign(parts, database, numbers, given.signatures)
            done = database.execute(sent).fetchone()[0]
            result["mails_per_second"] = round((done - before) / (time.monotonic() - began), 1)
            assert done < given.recipients, "the mailing ended before the measurement: give it more recipients"
            database.execute("UPDATE mailings SET state = 'paused'")
            time.sleep(5)  # the claims in hand
            result["idle again"] = sign(parts, database, numbers, given.signatures)
        result["ratio"] = round(result["mailing"]["p95"] / result["idle"]["p95"], 2)
    finally:
        for name in list(parts.running):
            parts.end(name, signal.SIGTERM)
        stop_sink()
        valkey.stop(), postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("idle", "mailing", "idle again"):
        print(f"{name:11}", *(f"{share} {result[name][share]:.3f} s " for share in ("p50", "p95", "p99")))
    print(f"{result['mails_per_second']} mails/s meanwhile; p95 is {result['ratio']} times the idle one ({sink_name})")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
