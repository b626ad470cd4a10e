"""Take the database one migration beyond the product's, or back: `python migrate.py upgrade|downgrade`."""

import os
import sys
from pathlib import Path

from alembic import command

import petition
from config import Config
from petition.app import create_app
from petition.core import migrations

versions = Path(petition.__file__).parent / "migrations/versions"
config = migrations._config()
config.set_main_option("version_locations", os.pathsep.join([str(versions), str(Path(__file__).parent / "next")]))
with create_app(Config()).app_context():
    if sys.argv[1] == "upgrade":
        command.upgrade(config, "head")
    else:
        command.downgrade(config, "-1")
