"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}
# The oldest revision whose code may run on this schema: that of the migration before where columns or tables are only
# added, with defaults; this one's own where older code would fail or write what newer code cannot read.
compatible_from = ${repr(down_revision).replace("'", '"')}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
