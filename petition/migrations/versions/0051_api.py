"""Consents that end, to be passed on and to a partner's news, are noted for webhooks where those to the team's are."""

from alembic import op

revision = "0051"
down_revision = "0050"
compatible_from = "0042"

# `kind` stays one of those that code without the column knows, and takes for no entry of the log.
STATEMENTS = (
    "ALTER TABLE count_events ADD COLUMN consent VARCHAR(30)",
    # A signature whose use is restricted is passed on to nobody, whatever its signer chose.
    """
    CREATE FUNCTION record_passing_on_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO count_events (petition_id, signature_id, party, kind, consent)
        VALUES (
            NEW.petition_id, NEW.id, NEW.party,
            CASE WHEN NEW.passed_on AND NEW.restricted_at IS NULL THEN 'opted_in' ELSE 'opted_out' END, 'passing_on');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER count_event_passing_on AFTER UPDATE OF passed_on, restricted_at ON signatures
    FOR EACH ROW WHEN (
        OLD.state = 'confirmed'
        AND (OLD.passed_on AND OLD.restricted_at IS NULL) <> (NEW.passed_on AND NEW.restricted_at IS NULL))
    EXECUTE FUNCTION record_passing_on_change()
    """,
    # Of a signature that was never confirmed, no receiver knows.
    """
    CREATE FUNCTION record_partner_news_end() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO count_events (petition_id, signature_id, party, kind, consent)
        SELECT petition_id, id, party, 'opted_out', 'partnership ' || NEW.partnership_id FROM signatures
        WHERE id = NEW.signature_id AND confirmed_at IS NOT NULL;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER count_event_partner_news AFTER UPDATE OF ended_at ON partner_consents
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION record_partner_news_end()
    """,
)


def upgrade() -> None:
    """Add the column and the triggers."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Change nothing: the version before runs on this schema (docs/decisions/0051)."""
