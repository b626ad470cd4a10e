"""A replica of an embedded PostgreSQL, made and kept up as anybody would: pg_basebackup, then streaming."""

import tempfile

from petition.embedded.postgres import Postgres, _own_folder
from petition.embedded.unprivileged import way


class Standby(Postgres):
    """A cluster that follows another one."""

    def __init__(self, data, primary):
        super().__init__(data)
        self.primary = primary

    def _make_cluster(self, account):
        _own_folder(self.folder, account)
        route = way(account, (self.binaries, self.folder, self.primary.socket))
        command = ["pg_basebackup", "-h", str(self.primary.socket), "-U", "petition", "-D", str(self.folder), "-R"]
        with tempfile.TemporaryFile() as told:
            process = self._run(route, [*command, "--checkpoint=fast"], told)
            told.seek(0)
            assert process.wait(60) == 0, told.read().decode()
