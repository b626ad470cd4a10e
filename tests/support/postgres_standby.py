"""A replica of a local PostgreSQL: pg_basebackup, then streaming replication."""

import tempfile

from petition.local_stack.postgres import Postgres, _make_private_folder
from petition.local_stack.run_as_user import choose_run_as


class Standby(Postgres):
    """A cluster that follows another one."""

    def __init__(self, data, primary):
        super().__init__(data)
        self.primary = primary

    def _make_cluster(self, account):
        _make_private_folder(self.folder, account)
        route = choose_run_as(account, (self.binaries, self.folder, self.primary.socket))
        command = ["pg_basebackup", "-h", str(self.primary.socket), "-U", "petition", "-D", str(self.folder), "-R"]
        with tempfile.TemporaryFile() as output:
            process = self._run(route, [*command, "--checkpoint=fast"], output)
            output.seek(0)
            assert process.wait(60) == 0, output.read().decode()
