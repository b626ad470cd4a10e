"""Faults of each process and service, as context managers: how each begins, and how it ends."""

import secrets
import shutil
import signal
import time
from contextlib import contextmanager

import psutil


@contextmanager
def killed(part, stack):
    """SIGKILL a process; it is started again at the end."""
    stack.end(part, signal.SIGKILL)
    yield
    stack.launch(part)


@contextmanager
def worker_killed(stack):
    """SIGKILL the worker while it is sending emails."""
    stack.mail_server.delay = 0.4
    time.sleep(2)
    with killed("worker", stack):
        stack.mail_server.delay = 0
        yield


@contextmanager
def clock_stepped(seconds, stack):
    """Set the clock of every process while emails wait to be tried again."""
    with smtp_misbehaving("RCPT", "451 4.3.2 later", stack):
        time.sleep(3)
        stack.clock.step(seconds)
    yield


@contextmanager
def suspended(part, stack):
    """SIGSTOP a process; SIGCONT at the end."""
    stack.signal(part, signal.SIGSTOP)
    yield
    stack.signal(part, signal.SIGCONT)


@contextmanager
def web_child_killed(stack):
    """SIGKILL a process that serves and leave gunicorn to start another."""
    stack.process_tree("web")[0].kill()
    yield


@contextmanager
def postgres_stopped(sign, stack):
    """Stop PostgreSQL: SIGINT ends every connection, SIGQUIT leaves as a crash would."""
    stack.postgres.process.send_signal(sign)
    stack.postgres.process.wait(120)
    yield
    stack.postgres.start()


@contextmanager
def postgres_suspended(stack):
    """SIGSTOP every process of PostgreSQL."""
    with _suspended_tree(stack.postgres.process):
        yield


@contextmanager
def valkey_killed(keep_data, stack):
    """Kill Valkey, with or without its data on disk."""
    stack.valkey.process.kill()
    stack.valkey.process.wait(120)
    if not keep_data:
        shutil.rmtree(stack.valkey.folder)
    yield
    stack.valkey.start()


@contextmanager
def broker_black_holed(stack):
    """Suspend Valkey: its port accepts connections and does not answer."""
    with _suspended_tree(stack.valkey.process):
        yield


@contextmanager
def _suspended_tree(process):
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in family:
        each.suspend()
    yield
    for each in family:
        each.resume()


@contextmanager
def smtp_refusing_connections(stack):
    """Refuse connections to the mail server's port."""
    stack.mail_server.controller.stop()
    yield
    stack.mail_server.start(stack.mail_server.port)


@contextmanager
def smtp_misbehaving(stage, behaviour, stack):
    """Have the mail server misbehave at a stage."""
    stack.mail_server.behaviours[stage] = behaviour
    yield
    del stack.mail_server.behaviours[stage]


@contextmanager
def smtp_rejecting(stage, behaviour, stack):
    """Reject emails permanently; at the end an operator retries them."""
    with smtp_misbehaving(stage, behaviour, stack):
        yield
    ended = stack.petition("queue", "retry", "--state", "failed", "--yes")
    assert ended.returncode == 0, ended.stderr


@contextmanager
def web_replaced(stack):
    """Replace the web processes, twice."""
    stack.replace_web()
    yield
    stack.replace_web()


@contextmanager
def workers_replaced(stack):
    """Stop each worker gracefully and start another, twice."""
    stack.replace_workers()
    yield
    stack.replace_workers()


@contextmanager
def key_rotated(stack):
    """Rotate the key: every process knows the new one before it is used; the old one stays a fallback."""
    old, new = stack.key.read_text(), secrets.token_hex(32)
    stack.rotate_keys(old, [new])
    yield
    stack.rotate_keys(new, [old])


@contextmanager
def schema_deployed(stack):
    """Migrate the database under the old processes, then replace each; and all the way back."""
    stack.migrate("upgrade")
    yield
    stack.replace_web()
    stack.replace_workers()
    stack.migrate("downgrade")


@contextmanager
def log_disk_full(stack):
    """Restart every process with its output on a full disk; and back."""
    for full in (True, False):
        stack.full_disk = full
        stack.replace_workers()
        for part in ("beat", "web"):
            stack.end(part)
            stack.launch(part)
        if full:
            yield
