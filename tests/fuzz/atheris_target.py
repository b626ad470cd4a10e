"""Let atheris look for inputs that break one target, guided by the coverage of the code that reads them."""

import os
import sys
import time
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]
INSTRUMENTED = ["petition", "markdown_it", "mdurl", "flufl", "itsdangerous", "jinja2", "yaml", "email", "targets"]

with atheris.instrument_imports(include=INSTRUMENTED):
    from targets import TARGETS

    from config import Config
    from petition.app import create_app
    from petition.core import migrations

MAX_CPU_SECONDS = 5  # seconds of processor time, whatever else the machine does


def fail_if_slow(target):
    """Return a target for which a slow input is a finding."""

    def run(data):
        began = time.thread_time()
        target(data)
        assert time.thread_time() - began < MAX_CPU_SECONDS, "slow"

    return run


if __name__ == "__main__":
    target = fail_if_slow(TARGETS[sys.argv.pop(1)])
    app = create_app(Config(os.environ))
    with app.test_request_context():
        migrations.upgrade()
        atheris.Setup(sys.argv, target)
        atheris.Fuzz()
