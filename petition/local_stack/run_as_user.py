"""PostgreSQL does not run as root: find the least privileges with which another user can run it in place.

No folder's permissions change. Where the path to the binaries or to the data leads through a folder that this user may
not enter, the process gets one capability to pass through it, and no other privilege of root.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from petition.local_stack.processes import LocalStackError

MINIMAL_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
# Passing through folders is usually enough; containers often withhold that capability but grant the wider one.
CAPABILITIES = ("dac_read_search", "dac_override")
# With these, access(2), by which PostgreSQL checks its files, counts the capability too.
SECUREBITS = "+noroot,+noroot_locked,+no_setuid_fixup,+no_setuid_fixup_locked"
REACHABILITY_CHECK = 'for folder in "$@"; do cd "$folder" || exit 1; done; "$1/postgres" --version && : <"$1/initdb"'


@dataclass(frozen=True)
class RunAs:
    """How a command is run: a command put before it, and Popen's arguments."""

    prefix: tuple[str, ...] = ()
    identity: dict[str, Any] = field(default_factory=dict)


def choose_account(folder: Path) -> tuple[int, int] | None:
    """Return the user and group to run PostgreSQL as: the folder's owner, else `nobody`; None if not root."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        return folder.stat().st_uid, folder.stat().st_gid
    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def choose_run_as(account: tuple[int, int] | None, folders: Sequence[Path]) -> RunAs:
    """Return the least privileged way to run the binaries in the first folder with the others in reach.

    Raises `LocalStackError` when there is none.
    """
    if account is None:
        return RunAs()
    candidates = [_as_user(*account)]
    if shutil.which("setpriv"):
        candidates += [_with_capability(capability, *account) for capability in CAPABILITIES]
    for candidate in candidates:
        if _can_reach(candidate, folders):
            return candidate
    raise LocalStackError(
        "PostgreSQL cannot run as root, and an unprivileged user cannot reach its files: "
        "run this as an ordinary user, or choose another data folder"
    )


def _as_user(user: int, group: int) -> RunAs:
    return RunAs((), {"user": user, "group": group, "extra_groups": ()})


def _with_capability(capability: str, user: int, group: int) -> RunAs:
    only = f"-all,+{capability}"
    return RunAs(
        (
            "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", f"--inh-caps={only}",
            f"--ambient-caps={only}", f"--bounding-set={only}", f"--securebits={SECUREBITS}", "--",
        )
    )  # fmt: skip


def _can_reach(candidate: RunAs, folders: Sequence[Path]) -> bool:
    probe = [*candidate.prefix, "/bin/sh", "-c", REACHABILITY_CHECK, "sh", *map(str, folders)]
    try:
        ended = subprocess.run(
            probe,
            capture_output=True,
            check=False,
            env=MINIMAL_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            **candidate.identity,
        )
    except OSError:
        return False
    # PostgreSQL that cannot read its own files says so, and yet reports success.
    return ended.returncode == 0 and not ended.stderr
