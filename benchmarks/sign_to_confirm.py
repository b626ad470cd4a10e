"""The whole loop on one machine: sign, send, open the link, confirm; against a bare loop of the same four steps.

The bare loop is `reference.py` and `reference_worker.py`: a statement, a commit and a queue message for each step.
For scale: 33 signatures a second is the peak of the UK's largest petition (2019, UK Parliament petition 241584), 10.7
that of the French record (2025, a petition on the site of the National Assembly).
"""

import json
import subprocess
import sys
from itertools import count

from harness import FULL, HERE, ROUNDS, SLUG, compare, measure_memory, print_json, system, wait_for

SECONDS = 20 if FULL else 3  # of one run
PEOPLE = 32  # who sign, wait for their email and confirm, at the same time
TABLE_SQL = """
    CREATE TABLE reference (id bigserial PRIMARY KEY, name text, email text, confirmed boolean NOT NULL DEFAULT false)
"""
COUNTS_AGREE_SQL = """
    SELECT count(*) FILTER (WHERE state = 'confirmed') = (SELECT sum(people) FROM petition_counts)
           AND count(*) FILTER (WHERE state = 'confirmed') >= %s FROM signatures
"""
BARE_COUNT_SQL = "SELECT count(*) FILTER (WHERE confirmed) FROM reference"
runs = count()


def run_signers(it, web: str) -> dict:
    """Let people go the whole way for some seconds."""
    mails, first = it.folder / "inbox" / "mails", next(runs) * PEOPLE
    command = [
        sys.executable, str(HERE / "simulated_signers.py"), web, SLUG, str(mails), str(first), str(PEOPLE),
        str(SECONDS),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS + 60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def measure() -> dict:
    """Return the loops per second of both."""
    loops = {"ours": 0, "bare": 0}

    def measure_side(name: str, web: str) -> dict:
        found = run_signers(it, web)
        loops[name] += found["loops"]
        return found

    with system(keeps_mail=True) as it:
        it.database.execute(TABLE_SQL)
        web, bare = it.serve("web", "wsgi:app"), it.serve("bare", "reference:app")
        it.start_script("reference_worker")
        it.workers()
        it.beat()
        result = compare(lambda: measure_side("ours", web), lambda: measure_side("bare", bare), ROUNDS)
        wait_for(lambda: it.fetch_value(COUNTS_AGREE_SQL, loops["ours"]), 20, "the count of every loop")
        assert it.fetch_value(BARE_COUNT_SQL) >= loops["bare"], "the bare loop confirms too"
        result["memory"] = {name: measure_memory(it.process_tree(name)) for name in ("web", "confirmations")}
    return {"sign to confirm": result}


if __name__ == "__main__":
    print_json(measure())
