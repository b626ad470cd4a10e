"""The whole loop, everything on one machine: sign, mail, open the link, confirm; against the peaks of real petitions.

33 signatures a second is the peak of the UK's largest petition (2019, UK Parliament petitions 241584), 10.7 the French
record (2025, the petition of July on the National Assembly's site).
"""

import json
import statistics
import subprocess
import sys

from harness import FULL, HERE, SLUG, measure_memory, print_json, summarise, system, wait_for

PEAKS = {"UK": 33.0, "France": 10.7}
SECONDS = 20 if FULL else 8  # of one run
RUNS = 3 if FULL else 2
PEOPLE = 32  # who sign, wait for their email and confirm, at once
COUNTS_AGREE_SQL = """
    SELECT count(*) FILTER (WHERE state = 'confirmed') = (SELECT sum(people) FROM petition_counts)
           AND count(*) FILTER (WHERE state = 'confirmed') >= %s FROM signatures
"""


def run_signers(it, web: str, run: int) -> dict:
    """Let people go the whole way for some seconds."""
    mails, first = it.folder / "inbox" / "mails", run * PEOPLE
    client = [sys.executable, str(HERE / "people.py"), web, SLUG, str(mails), str(first), str(PEOPLE), str(SECONDS)]
    ended = subprocess.run(client, capture_output=True, text=True, check=False, timeout=SECONDS + 60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def measure() -> dict:
    """Return the loops per second."""
    with system(keeps_mail=True) as it:
        web = it.serve("web", "wsgi:app")
        it.workers()
        it.beat()
        runs = [run_signers(it, web, run) for run in range(RUNS)]
        wait_for(
            lambda: it.fetch_value(COUNTS_AGREE_SQL, sum(run["loops"] for run in runs)), 20, "the count of every loop"
        )
        used = {name: measure_memory(it.process_tree(name)) for name in ("web", "confirmations")}
    rates = [run["rate"] for run in runs]
    middle = sorted(runs, key=lambda run: run["rate"])[len(runs) // 2]
    ratios = [round(rate / PEAKS["UK"], 3) for rate in rates]
    found = {**middle, "rate": summarise(rates), "ratio": statistics.median(ratios), "ratios": ratios, "memory": used}
    return {"loop": found}


if __name__ == "__main__":
    print_json(measure())
