"""Replay attacks on a petition and genuine crowds beside them, and print what got through: `make forge`.

    SCALE=full make forge            72,000 forged and 20,000 genuine signatures; otherwise a tenth
    make forge ARGS="--seeds 1 2"    other seeds: the thresholds were tuned on 1 to 5, docs/integrity.md reports 101 on

A day of signing is replayed minute by minute, with the rules looking every third as the worker has them. Signatures
are written by SQL into the columns that signing and confirming fill, at their moment of that day: so a day takes
minutes, and the limits of a network, a mailbox and a domain, which would stop most of these attacks, stop none here.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT), str(ROOT / "tests")]

from crowds import DAY_SECONDS, make_crowds  # noqa: E402
from replay import Outcome, replay  # noqa: E402
from sqlalchemy import text  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.settings import environment  # noqa: E402

from config import Config  # noqa: E402
from petition.app import create_app  # noqa: E402
from petition.core import clock, migrations  # noqa: E402
from petition.core.db import db  # noqa: E402
from petition.integrity.models import IntegrityCluster  # noqa: E402
from petition.local_stack.postgres import Postgres  # noqa: E402
from petition.local_stack.valkey import Valkey  # noqa: E402

FULL = os.environ.get("SCALE", "quick") == "full"
FORGED, GENUINE = (72_000, 20_000) if FULL else (7_200, 2_000)
SEEDS = (101, 102, 103, 104, 105) if FULL else (101,)
LATE_SECONDS = 300.0
# What an attacker pays, in euros: a domain for a year, a residential proxy for one signature, a mailbox, a server.
COSTS = {"domain": 2.0, "signature": 0.002, "mailbox": 0.1, "server": 5.0}
PETITION = text("""
    INSERT INTO petitions (slug, kind, state, default_language, sender_name, asks, listing, accepts_organisations,
                           milestones)
    VALUES ('forge-' || CAST(:seed AS text), 'petition', 'open', 'fr', 'Somebody', '{}', 'opt_in', true, '{}')
    RETURNING id
""")


def measure(seed: int) -> list[dict]:
    """Replay one seed, and return a line for each crowd."""
    petition_id = db.session.scalar(PETITION, {"seed": seed})
    db.session.commit()
    outcomes = replay(petition_id, make_crowds(seed, GENUINE, FORGED), clock.now() - timedelta(seconds=DAY_SECONDS))
    count = db.session.scalar(
        text("SELECT sum(people) FROM petition_counts WHERE petition_id = :id"), {"id": petition_id}
    )
    rows = db.session.scalar(
        text("SELECT count(*) FROM signatures WHERE petition_id = :id AND state = 'confirmed'"), {"id": petition_id}
    )
    assert count == rows, f"the count says {count}, the rows are {rows}"
    if os.environ.get("FORGE_SHOW"):
        for cluster in db.session.query(IntegrityCluster).filter_by(petition_id=petition_id):
            if cluster.signals:
                print(cluster.kind, cluster.key[:24], cluster.signatures, bool(cluster.held_at), cluster.signals)
    db.session.execute(text("UPDATE petitions SET state = 'closed' WHERE id = :id"), {"id": petition_id})
    db.session.commit()
    return [summarise(seed, outcome) for outcome in outcomes]


def summarise(seed: int, outcome: Outcome) -> dict:
    """Return what became of a crowd: how many of it were counted in the end, how many held and how soon."""
    confirmed, held = outcome.confirmed, set(outcome.held) - outcome.released
    end = max(confirmed.values(), default=0.0)
    soon = [i for i in confirmed if i in held and outcome.held[i] - confirmed[i] <= LATE_SECONDS]
    in_time = [i for i in confirmed if i in held and outcome.held[i] <= end + LATE_SECONDS]
    crowd = outcome.crowd
    spent = (COSTS["server"] + COSTS["domain"] * len(crowd.domains) + COSTS["signature"] * len(crowd.events)
             + COSTS["mailbox"] * crowd.mailboxes)  # fmt: skip
    return {
        "seed": seed, "crowd": crowd.name, "forged": crowd.forged, "style": crowd.style, "signed": len(crowd.events),
        "confirmed": len(confirmed), "held": len(held), "held_in_time": len(in_time), "held_soon": len(soon),
        "spent": spent,
    }  # fmt: skip


def print_table(lines: list[dict]) -> None:
    """Print the crowds of all seeds, and the totals that must hold."""
    names = list(dict.fromkeys(line["crowd"] for line in lines))
    print(f"\n{'attack':<40}{'confirmed':>10}{'held':>9}{'in time':>9}{'counted':>9}  cost of one that counts")
    for name in names:
        own = [line for line in lines if line["crowd"] == name and line["forged"]]
        if own:
            confirmed, held = (sum(line[key] for line in own) for key in ("confirmed", "held"))
            counted, spent = confirmed - held, sum(line["spent"] for line in own)
            cost = f"{spent / counted:,.2f} €" if counted else f"none counted, {spent:,.0f} € spent"
            share = sum(line["held_in_time"] for line in own) / max(confirmed, 1)
            print(f"{name:<40}{confirmed:>10,}{held:>9,}{share:>9.2%}{counted:>9,}  {cost}")
            for line in own:
                if line["held_in_time"] < 0.99 * line["confirmed"]:
                    print(
                        f"    seed {line['seed']}: {line['held_in_time']:,} of {line['confirmed']:,} ({line['style']})"
                    )
    print(f"\n{'genuine crowd':<40}{'confirmed':>10}{'held':>9}")
    for name in names:
        own = [line for line in lines if line["crowd"] == name and not line["forged"]]
        if own:
            print(f"{name:<40}{sum(line['confirmed'] for line in own):>10,}{sum(line['held'] for line in own):>9,}")
    forged, genuine = ([line for line in lines if line["forged"] is kind] for kind in (True, False))
    total = {key: sum(line[key] for line in forged) for key in ("confirmed", "held", "held_in_time", "held_soon")}
    of_genuine = sum(line["held"] for line in genuine) / sum(line["confirmed"] for line in genuine)
    print(f"\nforged, held at most 5 minutes after the attack ended: {total['held_in_time'] / total['confirmed']:.2%}")
    print(f"forged, each held at most 5 minutes after it was confirmed: {total['held_soon'] / total['confirmed']:.2%}")
    print(f"genuine, held: {of_genuine:.3%}")


def main() -> None:
    """Run the replays, on engines of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--json", type=Path)
    given, began, lines = parser.parse_args(), time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="petition-forge-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres, valkey = Postgres(folder), Valkey(folder, free_port())
        postgres.start(), valkey.start()
        try:
            app = create_app(Config(environment(postgres.url, valkey.url)))
            with app.app_context():
                migrations.upgrade()
                with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("ALTER SYSTEM SET fsync = off"))  # the data is deleted
                    connection.execute(text("SELECT pg_reload_conf()"))
                for seed in given.seeds:
                    lines += measure(seed)
                    print(f"seed {seed}: {time.monotonic() - began:,.0f} s", file=sys.stderr)
                db.session.remove()
                db.engine.dispose()
        finally:
            valkey.stop(), postgres.stop()
    print_table(lines)
    if given.json:
        given.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    main()
