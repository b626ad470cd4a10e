"""A signature counts once as mailed, also after the rows of its emails were folded into daily counts."""

from alembic import op

revision = "0050"
down_revision = "0049"
compatible_from = "0042"

# In `log_signature_updated` (0040): whether a link was emailed, of which the row may be kept no more.
PASSAGES = (
    (
        "(OLD.state = 'pending' AND emailed_at IS NOT NULL)::int",
        "(OLD.state = 'pending' AND (emailed_at IS NOT NULL OR OLD.emails_folded))::int",
    ),
    ("-(emailed_at IS NOT NULL)::int", "-(emailed_at IS NOT NULL OR OLD.emails_folded)::int"),
)
FOLDED_SQL = "OR EXISTS (SELECT FROM signatures s WHERE s.id = n.subject_id AND s.emails_folded)"
LOG_DELIVERIES_SQL = """
    CREATE OR REPLACE FUNCTION log_campaign_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Earlier emails are looked up only for signatures that were sent several.
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted,
                                  source, language, profession, city, area, country)
        SELECT n.petition_id, NULL, 0, count(*), 0, 0,
               NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar
        FROM old_rows o JOIN new_rows n ON n.id = o.id
        WHERE n.kind = 'confirm_signature' AND n.state = 'sent' AND o.state <> 'sent'
          AND (n.generation = 1 OR NOT (
              EXISTS (
                  SELECT FROM deliveries d WHERE d.subject_id = n.subject_id AND d.kind = n.kind AND d.state = 'sent'
                  AND d.generation < n.generation)
              {folded}))
        GROUP BY 1;
        RETURN NULL;
    END $$
"""


def _replace(passages: tuple[tuple[str, str], ...]) -> None:
    query = "SELECT pg_get_functiondef('log_signature_updated'::regproc)"
    definition = str(op.get_bind().exec_driver_sql(query).scalar_one())
    for old, new in passages:
        if old not in definition:
            raise RuntimeError(f"log_signature_updated has no {old!r}")
        definition = definition.replace(old, new)
    op.get_bind().exec_driver_sql(definition)


def upgrade() -> None:
    """Add the column, which folding sets, and have the triggers read it."""
    op.execute("ALTER TABLE signatures ADD COLUMN emails_folded BOOLEAN DEFAULT false NOT NULL")
    op.execute(LOG_DELIVERIES_SQL.format(folded=FOLDED_SQL))
    _replace(PASSAGES)


def downgrade() -> None:
    """Have the triggers read the rows of emails alone, and drop the column."""
    _replace(tuple((new, old) for old, new in PASSAGES))
    op.execute(LOG_DELIVERIES_SQL.format(folded=""))
    op.execute("ALTER TABLE signatures DROP COLUMN emails_folded")
