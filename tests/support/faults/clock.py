"""A clock that can be set, for every process of a stack: a preloaded library adds what a file holds."""

import shutil
import subprocess
from functools import wraps
from pathlib import Path

from petition.local_stack import postgres, valkey

SOURCE, COMPILER = Path(__file__).with_name("clock.c"), shutil.which("cc")
ENGINES, BINARIES = (postgres, valkey), {"initdb", "postgres", "valkey-server"}


class Clock:
    """The clock of a machine, ahead of or behind the true one; within it, the engines go by it too.

    What waits, waits by a clock that nobody sets, as on a true machine.
    """

    def __init__(self, folder):
        library, self.file, self.offset_seconds = folder / "clock.so", folder / "ahead", 0
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        self.step(0)
        for path in (folder, library, self.file):
            path.chmod(0o755)
        self.environ = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self.file)}

    def step(self, seconds):
        """Set the clock forward or back, for every process at once."""
        self.offset_seconds += seconds
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(self.offset_seconds.to_bytes(8, "little", signed=True))

    def __enter__(self):
        self._plain = [engine.spawn for engine in ENGINES]
        for engine in ENGINES:
            engine.spawn = self._preloaded(engine.spawn)
        return self

    def __exit__(self, *_):
        for engine, spawn in zip(ENGINES, self._plain, strict=True):
            engine.spawn = spawn

    def _preloaded(self, spawn):
        settings = [f"{name}={value}" for name, value in self.environ.items()]

        @wraps(spawn)
        def run(argv, *more, **identity):
            words = [str(word) for word in argv]
            # Behind what changes the user, which drops what is preloaded.
            engine = next(n for n, word in enumerate(words) if Path(word).name in BINARIES)
            return spawn([*words[:engine], "env", *settings, *words[engine:]], *more, **identity)

        return run
