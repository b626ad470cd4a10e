"""Render documents in child processes: the caller's memory stays small, and hostile text meets no secret."""

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

RENDERER = "petition.exports.documents.renderer"
TIMEOUT_SECONDS = 300


class RenderingError(RuntimeError):
    """A document that could not be rendered: its template is wrong, or it is too large."""


@dataclass(frozen=True)
class Job:
    """A template with its data and images. `is_picture`: its one page is wanted as PNG."""

    template: str
    data: Mapping[str, Any]
    images: Mapping[str, bytes] = field(default_factory=dict)
    is_picture: bool = False


@dataclass(frozen=True)
class Rendered:
    """A finished file."""

    content: bytes
    pages: int


def render(job: Job, moment: datetime) -> Rendered:
    """Render one job; `moment` is the date in the file, so that the same input gives the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        pages = _render(job, moment, output)
        return Rendered(output.read_bytes(), pages)


def render_parts(jobs: Sequence[Job], moment: datetime, report: Callable[[int], None] | None = None) -> Rendered:
    """Render the parts of one document, each in a process of its own, and join them.

    Pages are numbered through: a first pass counts them. `report` gets the per cent that are done.
    """
    if len(jobs) == 1:
        return render(jobs[0], moment)
    steps = 0

    def advance() -> None:
        nonlocal steps
        steps += 1
        if report:
            report(100 * steps // (2 * len(jobs) + 1))

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.pdf" for number in range(len(jobs))]
        counts = []
        for job, path in zip(jobs, paths, strict=True):
            counts.append(_render(job, moment, path, {"page_offset": 0, "page_total": 9999}))
            advance()
        for number, (job, path) in enumerate(zip(jobs, paths, strict=True)):
            numbering = {"page_offset": sum(counts[:number]), "page_total": sum(counts)}
            _render(job, moment, path, numbering)
            advance()
        output = Path(folder) / "output"
        pages = _run({"parts": [str(path) for path in paths], "output": str(output)})
        return Rendered(output.read_bytes(), pages)


def _render(job: Job, moment: datetime, output: Path, numbering: Mapping[str, int] | None = None) -> int:
    return _run(
        {
            "template": job.template, "data": {**job.data, **(numbering or {})}, "output": str(output),
            "images": {name: base64.b64encode(content).decode() for name, content in job.images.items()},
            "timestamp": int(moment.timestamp()), "is_picture": job.is_picture,
        }
    )  # fmt: skip


def _run(job: Mapping[str, Any]) -> int:
    """Run the renderer on a job; returns the number of pages. Raises `RenderingError`."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - this Python, a module of ours
            [sys.executable, "-P", "-m", RENDERER],
            input=json.dumps(job), env={**kept, "LC_ALL": "C.UTF-8", "RAYON_NUM_THREADS": "1"},
            capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise RenderingError(_explain(error.stderr)) from None
    except subprocess.TimeoutExpired:
        raise RenderingError(f"not done within {TIMEOUT_SECONDS} seconds") from None
    return int(done.stdout)


def _explain(stderr: str) -> str:
    """Return the type of what went wrong, without its message, which may quote what a signer typed."""
    last = stderr.strip().rpartition("\n")[2]
    return f"the renderer ended with {last.partition(':')[0][:80] or 'no message'}"
