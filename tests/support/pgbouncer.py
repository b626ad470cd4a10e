"""PgBouncer between the application and the tests' PostgreSQL, on this machine's loopback."""

import os
import shutil
import subprocess
from urllib.parse import unquote, urlsplit

import psycopg
from support.ports import free_port
from support.waiting import wait_for

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
# What the application sets when it connects; PgBouncer does not pass it on, so the role must have it.
ROLE_SETTINGS = ("timezone = 'UTC'", "statement_timeout = '15s'", "lock_timeout = '5s'",
        "idle_in_transaction_session_timeout = '20s'")  # fmt: skip


class PgBouncer:
    """A pooler of one database."""

    def __init__(self, folder, database_url, mode, size=20):
        url, self.port = urlsplit(database_url), free_port()
        socket, self.name = unquote(url.query.removeprefix("host=")), url.path.strip("/")
        self.url = f"postgresql://petition@127.0.0.1:{self.port}/{self.name}"
        self.file, self.log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
        self.file.write_text(
            f"[databases]\n{self.name} = host={socket} user=petition\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
            "ignore_startup_parameters = options\nadmin_users = petition\n"
        )

    def start(self):
        account = ("-u", "nobody") if os.geteuid() == 0 else ()
        with self.log.open("w") as log:
            self.process = subprocess.Popen([PGBOUNCER, *account, str(self.file)], stdout=log, stderr=log)
        wait_for(self._answers, 10, "PgBouncer")
        return self

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=2).close() is None
        except psycopg.OperationalError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(120)
