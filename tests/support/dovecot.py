"""Debian's dovecot on loopback, as an unprivileged process with an authority and certificates of its own."""

import datetime
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.ports import free_port
from support.waiting import wait_for

DOVECOT = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")
IMAP = Path("/usr/lib/dovecot/imap")
MISSING = "needs Debian's dovecot: apt-get install dovecot-imapd"
USER, PASSWORD = "bounces", 'p"a\\ss é'
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
log_path = {folder}/log
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = yes
default_login_user = {account}
default_internal_user = {account}
default_internal_group = {group}
mail_home = {folder}/home
mail_location = maildir:~/Maildir
first_valid_uid = 1
mail_max_userip_connections = 50
auth_failure_delay = 0
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:User quota
  quota_rule = *:storage={quota}
  quota_vsizes = yes
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={account} gid={group} home={folder}/home
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
  prefix = {prefix}
}}
"""


def is_installed():
    """Say whether Debian's dovecot-imapd is installed."""
    return DOVECOT is not None and IMAP.exists()


class Dovecot:
    """One account with one INBOX, a Maildir in a folder of its own."""

    def __init__(self, quota="0", prefix="", host="localhost"):
        # Not below pytest's own folder, which it keeps from other accounts.
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="petition-dovecot-")), free_port()
        folder = self.folder
        self.account = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.group = grp.getgrgid(pwd.getpwnam(self.account).pw_gid).gr_name
        for name in ("run", "home"):
            (folder / name).mkdir()
        self.url = f"imaps://{USER}@localhost:{self.port}/INBOX"
        self.ca = make_certificates(folder, host)
        escaped = PASSWORD.replace(":", "")
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{escaped}:::::\n", encoding="utf-8")
        values = {"folder": folder, "account": self.account, "group": self.group, "port": self.port}
        (folder / "dovecot.conf").write_text(CONFIG.format(quota=quota, prefix=prefix, **values))
        self.maildir = folder / "home" / "Maildir"
        for name in ("cur", "new", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, self.account, self.group)

    def start(self):
        """Start the server and wait until it listens."""
        command = [DOVECOT, "-F", "-c", str(self.folder / "dovecot.conf")]
        account = {"user": self.account, "group": self.group, "extra_groups": []} if os.geteuid() == 0 else {}
        self.output = (self.folder / "output").open("w")
        self.process = subprocess.Popen(
            command, stdout=self.output, stderr=self.output, start_new_session=True, **account
        )
        wait_for(self._listens, 90, "dovecot")
        return self

    def _listens(self):
        assert self.process.poll() is None, self.words
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def words(self):
        """What it wrote."""
        return "".join(path.read_text() for path in (self.folder / "output", self.folder / "log") if path.exists())

    def stop(self):
        """Stop the server and its children."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(120)
        self.output.close()
        shutil.rmtree(self.folder)

    def deliver(self, *messages, age_days=0):
        """Put messages into the inbox."""
        owner = pwd.getpwnam(self.account)
        for message in messages:
            self.delivered = getattr(self, "delivered", 0) + 1
            moment = time.time() - age_days * 86_400
            path = self.maildir / "new" / f"{int(moment)}.M{self.delivered:09}.test"
            path.write_bytes(message)
            os.utime(path, (moment, moment))
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def names(self, folder=""):
        """Return the names of the files in a folder, "" for the inbox."""
        path = self.maildir / folder
        return sorted(file.name for name in ("new", "cur") for file in (path / name).glob("*"))


def make_certificates(folder, host):
    """Write an authority, and a certificate of the server for a host and 127.0.0.1; return the authority's file."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of our own")])

    def build(name, public_key, extension, critical):
        builder = x509.CertificateBuilder(issuer, name, public_key, x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=2))
        return builder.add_extension(extension, critical).sign(ca_key, hashes.SHA256())

    authority = build(issuer, ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=None), True)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    server = build(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]), key.public_key(), names, False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(private)
    return folder / "ca.pem"
