"""nginx with the settings of deploy/nginx.conf, on this machine's loopback, without TLS."""

import os
import re
import shutil
import subprocess

from support.ports import free_port
from support.settings import ROOT
from support.site_client import SiteClient
from support.waiting import wait_for

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Nginx:
    """A proxy in front of some addresses, with a folder, a cache and a log of its own."""

    def __init__(self, folder, *upstreams):
        self.folder, self.port = folder, free_port()
        self.site = SiteClient(f"http://127.0.0.1:{self.port}")
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log stderr crit; {'user root;' if os.geteuid() == 0 else ''}\n"
            "worker_processes 1; worker_rlimit_nofile 50000; events { worker_connections 20000; }\n"
            f"http {{ {self._paths()} {self._site(upstreams)} }}\n"
        )

    def _paths(self):
        names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        return "".join(f"{name}_temp_path {self.folder}/{name};" for name in names)

    def _site(self, upstreams):
        text = (ROOT / "deploy/nginx.conf").read_text()
        for found, instead in (
            ("server 127.0.0.1:8000;", "".join(f"server 127.0.0.1:{port};" for port in upstreams)),
            ("/var/cache/petition-pages", f"{self.folder}/cache"),
            ("/var/log/nginx/petition.error.log", "stderr"),
            (re.search(r"server \{\s+listen 80;.*?\n\}\n", text, re.S)[0], ""),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port};"),
            ("    listen [::]:443 ssl;\n", ""),
            (re.search(r"    ssl_certificate .*\n", text)[0], ""),
            (re.search(r"    ssl_certificate_key .*\n", text)[0], ""),
            # A test's requests name their client address in this header.
            ("X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for"),
        ):
            assert found in text, found
            text = text.replace(found, instead)
        return text

    def start(self):
        with (self.folder / "nginx.log").open("w") as log:
            command = [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._answers, 10, "nginx")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "nginx.log").read_text()
        try:
            return self.site.get("/healthz").status
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(120)
