"""How much of the disks of this host is free, recorded as a probe; its value is the free bytes of the fullest one."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

from petition.operations.doctor.host import MIN_FREE_INODES_SHARE, WARNING_BYTES
from petition.operations.probes.results import record_probe

DISK = "disk"


def check_disk() -> None:
    """Look at the disks that the worker of maintenance, and an embedded database, write to. Flushes."""
    folders = {os.stat(folder).st_dev: folder for folder in (Path.cwd(), Path(tempfile.gettempdir()))}
    free, folder = min((shutil.disk_usage(each).free, str(each)) for each in folders.values())
    full = [each for each in folders.values() if _lacks_inodes(each)]
    where = f"{socket.gethostname()}:{full[0] if full else folder}"
    record_probe(DISK, free >= WARNING_BYTES and not full, where, 0, float(free))


def _lacks_inodes(folder: Path) -> bool:
    inodes = os.statvfs(folder)
    return bool(inodes.f_files) and inodes.f_favail < MIN_FREE_INODES_SHARE * inodes.f_files
