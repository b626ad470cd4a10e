"""Heartbeats of workers and beat for tests that run neither."""

import os
import socket
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func

from petition.core.db import db
from petition.operations.models import Heartbeat


def record_lasting_heartbeat(part: str, name: str, queues: Sequence[str] = (), threads: int = 1) -> None:
    """Record and commit a heartbeat of this process, dated an hour ahead.

    One of this moment is silent six seconds later, which a busy machine may need before a test has read it.
    """
    process = {"host": socket.gethostname()[:80], "pid": os.getpid(), "version": "1"}
    heartbeat = {"name": name, "part": part, "queues": list(queues), "threads": threads}
    db.session.merge(Heartbeat(**process, **heartbeat, seen_at=func.now() + timedelta(hours=1)))
    db.session.commit()
