"""Every command of docs/deployment.md for Debian is run as it stands, on a throwaway machine with Debian's engines."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.settings import ROOT

TIMEOUT_SECONDS = 1200
NEEDED = ("pg_ctlcluster", "redis-server", "nginx", "dovecot", "unshare", "setpriv", "ip", "openssl")
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("deployment")]


def why_not():
    """Return what keeps the trial from running here."""
    if os.geteuid() != 0:
        return "needs root, for namespaces"
    missing = [name for name in NEEDED if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        return f"needs {' '.join(missing)}: apt-get install postgresql redis-server nginx dovecot-imapd iproute2"
    if importlib.util.find_spec("support.dovecot") is None:
        return "needs the tests' dovecot"
    with_venv = subprocess.run(["/usr/bin/python3", "-c", "import ensurepip"], capture_output=True, check=False)
    return "needs Debian's Python: apt-get install python3-venv" if with_venv.returncode else None


def test_install_sign_mail_bounce_back_up_upgrade_go_back_restore(tmp_path, capsys):
    if reason := why_not():
        pytest.skip(reason)
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    (tmp_path / "machine").mkdir()
    ended = subprocess.run(
        [*command, sys.executable, "-m", "support.debian_trial", str(tmp_path / "machine")],
        cwd=Path(ROOT), env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    with capsys.disabled():
        print(f"\n{ended.stdout}")
    assert ended.returncode == 0, ended.stdout[-6000:]
