"""Fuzz each target in turn: `python tests/fuzz/run.py --minutes 60`, or those that are named.

Inputs that reach new code are kept under `build/fuzz/TARGET`; an input that breaks a target is a file `crash-…` there.
Once understood, add it to `tests/fuzz/corpus/TARGET`, which every run of the tests reads.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent)]

from support.settings import environment  # noqa: E402

from petition.local_stack.postgres import Postgres  # noqa: E402

MAX_INPUT_BYTES = {"tokens": 300, "bounces": 20_000, "mailings": 4_000, "documents": 4_000}  # bytes of an input
# After so long the fuzzer gives up on an input; `atheris_target` finds slow ones by processor time.
INPUT_TIMEOUT_SECONDS = 600


def fuzz(target: str, minutes: float, environ: dict[str, str]) -> int:
    """Fuzz one target in a process of its own, as the fuzzer ends by ending its process."""
    kept = ROOT / "build" / "fuzz" / target
    kept.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, str(HERE / "atheris_target.py"), target, str(kept), str(HERE / "corpus" / target),
        f"-max_len={MAX_INPUT_BYTES[target]}", f"-max_total_time={int(minutes * 60)}",
        f"-timeout={INPUT_TIMEOUT_SECONDS}",
        f"-artifact_prefix={kept}/", "-print_final_stats=1", "-rss_limit_mb=4096", "-verbosity=1", "-len_control=10",
    ]  # fmt: skip
    with (kept.parent / f"{target}.log").open("wb") as log:
        return subprocess.run(command, env=environ, cwd=ROOT, stdout=log, stderr=log, check=False).returncode


def main() -> int:
    """Share the time between the targets; say which of them an input broke."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("targets", nargs="*", default=[], metavar="target", help=f"one of {', '.join(MAX_INPUT_BYTES)}")
    asked.add_argument("--minutes", type=float, default=60)
    options = asked.parse_args()
    targets, broken = options.targets or list(MAX_INPUT_BYTES), []
    with tempfile.TemporaryDirectory(prefix="petition-fuzz-") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder))
        try:
            # Parsers ask the database which petitions there are; nothing listens at this address of Redis.
            environ = os.environ | environment(postgres.start(), "redis://127.0.0.1:1/0", PETITION_LOG_LEVEL="ERROR")
            for target in targets:
                failed = fuzz(target, options.minutes / len(targets), environ)
                broken += [target] if failed else []
                print(f"{target}: {'an input broke it' if failed else 'nothing found'}: build/fuzz/{target}.log")
        finally:
            postgres.stop()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
