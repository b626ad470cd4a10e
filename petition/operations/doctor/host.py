"""Check the disks of this host."""

import os
import shutil
import tempfile
from pathlib import Path

from petition.core.i18n import N_
from petition.operations.doctor.findings import Finding, ok, warning, wrong

WARNING_BYTES, WRONG_BYTES = 2 * 1024**3, 256 * 1024**2
MIN_FREE_INODES_SHARE = 0.02


def check_disk() -> list[Finding]:
    """Return how much is free where this process writes: its folder, and that of temporary files."""
    findings = []
    folders = {os.stat(folder).st_dev: folder for folder in (Path.cwd(), Path(tempfile.gettempdir()))}
    for folder in folders.values():
        free, inodes = shutil.disk_usage(folder).free, os.statvfs(folder)
        advice = N_("Free space there, or give it a larger disk.")
        if free < WARNING_BYTES:
            finding = wrong if free < WRONG_BYTES else warning
            text = N_("Only %(free)s MB are free on the disk of %(folder)s.")
            findings.append(finding("disk", text, advice, free=free // 1024**2, folder=folder))
        elif inodes.f_files and inodes.f_favail < MIN_FREE_INODES_SHARE * inodes.f_files:
            text = N_("The disk of %(folder)s has nearly no inodes left: no file can be created.")
            findings.append(wrong("disk", text, N_("Delete small files there."), folder=folder))
    return findings or [ok("disk", N_("There is space on the disks of this host."))]
