"""How many HTTP requests the web processes answered, by route, status and duration, for /metrics."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create `web_requests`."""
    op.execute("""
        CREATE TABLE web_requests (
            method VARCHAR(10) NOT NULL,
            rule VARCHAR(200) NOT NULL,
            status SMALLINT NOT NULL,
            bucket SMALLINT NOT NULL,
            n BIGINT NOT NULL,
            seconds DOUBLE PRECISION NOT NULL,
            CONSTRAINT pk_web_requests PRIMARY KEY (method, rule, status, bucket)
        )
    """)
