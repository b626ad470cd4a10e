"""A confirmation counts as that of an emailed link once, and only where a link was emailed."""

from alembic import op

revision = "0029"
down_revision = "0028"

# `log_signature_updated` as it is by now, with these passages replaced: each is there, or the upgrade stops.
PASSAGES = (
    # When the link was emailed that may have been followed: a staff action that confirms or reinstates follows none.
    (
        "BEGIN",
        """DECLARE
            emailed_at timestamptz;
        BEGIN
            IF (OLD.state = 'pending' AND NEW.state = 'confirmed')
                OR (OLD.state = 'withdrawn' AND NEW.state = 'pending') THEN
                -- Until it is recorded as sent, its reader may already be here.
                SELECT max(created_at) INTO emailed_at FROM deliveries
                WHERE subject_id = NEW.id AND kind = 'confirm_signature' AND state IN ('sent', 'sending');
            END IF;""",
    ),
    ("CASE WHEN NEW.state = 'confirmed' THEN", "CASE WHEN NEW.state = 'confirmed' AND emailed_at IS NOT NULL THEN"),
    # The hour in which the email counts as well.
    ("date_trunc('hour', NEW.requested_at)", "date_trunc('hour', emailed_at)"),
    ("(OLD.state = 'pending')::int", "(OLD.state = 'pending' AND emailed_at IS NOT NULL)::int"),
    ("0, 0, -1, 0)", "0, 0, -(emailed_at IS NOT NULL)::int, 0)"),
)


def upgrade() -> None:
    """Replace the passages of the trigger's function."""
    definition = str(
        op.get_bind().exec_driver_sql("SELECT pg_get_functiondef('log_signature_updated'::regproc)").scalar_one()
    )
    for old, new in PASSAGES:
        if old not in definition:
            raise RuntimeError(f"log_signature_updated has no {old!r}")
        definition = definition.replace(old, new, 1 if old == "BEGIN" else -1)
    op.get_bind().exec_driver_sql(definition)
