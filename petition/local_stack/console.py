"""What `petition up` says, and what its processes say, line by line on one terminal that may be slow or gone."""

import itertools
import queue
import threading
from collections.abc import Iterable
from datetime import datetime
from typing import IO

import click
from honcho.colour import get_colours
from honcho.printer import Message, Printer


class ConsolePrinter:
    """Prints from a thread of its own, so that a blocked or closed terminal never holds up the stop."""

    def __init__(self, output: IO[str], width: int = 0) -> None:
        self._printer = Printer(output, width=width)
        self._output = output
        self._colours = itertools.cycle(itertools.islice(get_colours(), 8))
        self._lines: queue.SimpleQueue[Message | str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._print, daemon=True)
        self._thread.start()

    def print_text(self, text: str) -> None:
        """Print a text of our own."""
        self._lines.put(text)

    def relay(self, name: str, stream: Iterable[bytes]) -> threading.Thread:
        """Print what a process writes until it closes, each line under its name."""
        thread = threading.Thread(target=self._relay, args=(name, stream, next(self._colours)), daemon=True)
        thread.start()
        return thread

    def finish(self, seconds: float) -> bool:
        """Print what is left, for so many seconds at most; return whether that was enough."""
        self._lines.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _relay(self, name: str, stream: Iterable[bytes], colour: str) -> None:
        for line in stream:
            # Local time, as on the reader's clock.
            self._lines.put(Message("line", line, datetime.now().astimezone(), name, colour))

    def _print(self) -> None:
        gone = False
        while (line := self._lines.get()) is not None:
            try:
                if not gone:
                    self._print_one(line)
            except (OSError, ValueError):
                gone = True

    def _print_one(self, line: Message | str) -> None:
        if isinstance(line, str):
            click.echo(line, file=self._output)
        else:
            self._printer.write(line)
