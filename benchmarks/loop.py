"""The whole loop, everything on one machine: sign, mail, open the link, confirm; against the peaks of real petitions.

33 signatures a second is the peak of the UK's largest petition (2019, UK Parliament petitions 241584), 10.7 the French
record (2025, the petition of July on the National Assembly's site).
"""

import json
import subprocess
import sys

from harness import FULL, HERE, SLUG, memory, shown, system, wait_for

PEAKS = {"UK": 33.0, "France": 10.7}
SECONDS = 60 if FULL else 20
PEOPLE = 32  # who sign, wait for their email and confirm, at once


def measure() -> dict:
    """Return the loops per second."""
    with system(keeps_mail=True) as it:
        web = it.serve("web", "wsgi:app")
        it.workers()
        it.beat()
        client = [sys.executable, str(HERE / "people.py"), web, SLUG, str(it.folder / "inbox" / "mails")]
        ended = subprocess.run([*client, str(PEOPLE), str(SECONDS)], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        result = json.loads(ended.stdout)
        query = """SELECT count(*) FILTER (WHERE state = 'confirmed') = (SELECT sum(people) FROM petition_counts)
                   AND count(*) FILTER (WHERE state = 'confirmed') >= %s FROM signatures"""
        wait_for(lambda: it.ask(query, result["loops"]), 20, "the count of every loop")
        result["memory"] = {name: memory(it.family(name)) for name in ("web", "confirmations")}
    result["ratio"] = result["rate"] / PEAKS["UK"]
    return {"loop": result}


if __name__ == "__main__":
    shown(measure())
