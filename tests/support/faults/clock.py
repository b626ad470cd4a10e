"""A clock that can be set, for every process of a stack: a preloaded library adds an offset from a file."""

import shutil
import subprocess
from functools import wraps
from pathlib import Path

from petition.local_stack import postgres, valkey

SOURCE, COMPILER = Path(__file__).with_name("clock.c"), shutil.which("cc")
ENGINES, BINARIES = (postgres, valkey), {"initdb", "postgres", "valkey-server"}


class Clock:
    """The clock of a machine, ahead of or behind the real one; within its context, services use it too.

    Waiting uses the monotonic clock, which does not change, as on a real machine.
    """

    def __init__(self, folder):
        library, self.file, self.offset_seconds = folder / "clock.so", folder / "ahead", 0
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        self.step(0)
        for path in (folder, library, self.file):
            path.chmod(0o755)
        self.environ = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self.file)}

    def step(self, seconds):
        """Set the clock forward or back, for all processes at once."""
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
            command = [str(argument) for argument in argv]
            # After the command that changes the user, which drops preloaded libraries.
            engine = next(n for n, argument in enumerate(command) if Path(argument).name in BINARIES)
            return spawn([*command[:engine], "env", *settings, *command[engine:]], *more, **identity)

        return run
