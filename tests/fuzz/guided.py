"""Let atheris look for inputs that break one target, guided by the coverage of the code that reads them."""

import os
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]
INSTRUMENTED = ["petition", "markdown_it", "mdurl", "flufl", "itsdangerous", "jinja2", "yaml", "email", "targets"]

with atheris.instrument_imports(include=INSTRUMENTED):
    from targets import TARGETS

    from config import Config
    from petition import create_app
    from petition.core import schema

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    app = create_app(Config(os.environ))
    with app.test_request_context():
        schema.upgrade()
        atheris.Setup(sys.argv, target)
        atheris.Fuzz()
