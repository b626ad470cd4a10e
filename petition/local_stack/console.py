"""Print the messages of `petition up` and the output of its processes on one terminal, which may be slow or closed."""

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
    """Prints from a thread of its own, so that a blocked or closed terminal does not delay the stop."""

    def __init__(self, output: IO[str], width: int = 0) -> None:
        self._printer = Printer(output, width=width)
        self._output = output
        self._colours = itertools.cycle(itertools.islice(get_colours(), 8))
        self._lines: queue.SimpleQueue[Message | str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._print, daemon=True)
        self._thread.start()

    def print_text(self, text: str) -> None:
        """Print a message of `petition up` itself."""
        self._lines.put(text)

    def relay(self, name: str, stream: Iterable[bytes]) -> threading.Thread:
        """Print the output of a process until it closes, each line with its name."""
        thread = threading.Thread(target=self._relay, args=(name, stream, next(self._colours)), daemon=True)
        thread.start()
        return thread

    def finish(self, seconds: float) -> bool:
        """Print what is left, within `seconds`; return whether everything was printed."""
        self._lines.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _relay(self, name: str, stream: Iterable[bytes], colour: str) -> None:
        for line in stream:
            # Local time, as the reader's clock shows.
            self._lines.put(Message("line", line, datetime.now().astimezone(), name, colour))

    def _print(self) -> None:
        closed = False
        while (line := self._lines.get()) is not None:
            try:
                if not closed:
                    self._print_one(line)
            except (OSError, ValueError):
                closed = True

    def _print_one(self, line: Message | str) -> None:
        if isinstance(line, str):
            click.echo(line, file=self._output)
        else:
            self._printer.write(line)
