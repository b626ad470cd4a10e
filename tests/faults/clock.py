"""A clock that can be set, for every process of a stack: libfaketime reads it from a file."""

from functools import wraps
from pathlib import Path

from petition.embedded import postgres, valkey

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
ENGINES, BINARIES = (postgres, valkey), {"initdb", "postgres", "valkey-server"}


class Clock:
    """The clock of a machine, ahead of or behind the true one; within it, the engines go by it too."""

    def __init__(self, file):
        self.file, self.ahead = file, 0
        self.step(0)
        self.environ = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            # What waits, waits by a clock that nobody sets.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds):
        """Set the clock forward or back."""
        self.ahead += seconds
        self.file.write_text(f"{self.ahead:+}\n")
        self.file.chmod(0o644)

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
            # Behind what changes the user: libfaketime's semaphore must be the engine's own.
            engine = next(n for n, word in enumerate(words) if Path(word).name in BINARIES)
            return spawn([*words[:engine], "env", *settings, *words[engine:]], *more, **identity)

        return run
