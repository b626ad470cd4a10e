"""What signatures log: one trigger for each way they change, and of an update row by row, with nothing to join."""

from alembic import op

revision = "0012"
down_revision = "0011"

COUNTED = "petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country"
# Of a signature that counts. A postal code's first two characters are an area: a department, in France.
WHO = """
    {0}.petition_id, date_trunc('hour', coalesce({0}.confirmed_at, {0}.created_at), 'UTC'), 0, 0, {reached}, {counted},
    {0}.source, {0}.locale, coalesce({0}.profession, ''), coalesce({0}.city, ''),
    upper(left(translate(coalesce({0}.postal_code, ''), ' -', ''), 2)), coalesce({0}.country, '')
"""
SHOWN = "{0}.source, {0}.locale, {0}.profession, {0}.city, {0}.postal_code, {0}.country, {0}.confirmed_at"
BY = "GROUP BY 1, 2, 7, 8, 9, 10, 11, 12"

FUNCTIONS = f"""
CREATE FUNCTION log_signatures_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
    SELECT 'signature', '', state, '', '', count(*), count(*) FROM new_rows GROUP BY state;
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted)
    SELECT petition_id, date_trunc('hour', created_at, 'UTC'), count(*), 0, 0, 0 FROM new_rows GROUP BY 1, 2;
    -- Nobody signs confirmed; who fills the table from elsewhere does.
    IF EXISTS (SELECT FROM new_rows WHERE state = 'confirmed') THEN
        INSERT INTO campaign_log ({COUNTED})
        SELECT {WHO.format("n", reached="count(*)", counted="count(*)")} FROM new_rows n
        WHERE n.state = 'confirmed' {BY};
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION log_signature_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, bucket, minute, hour, change, entered)
        VALUES ('signature', '', OLD.state, '', '', NULL, NULL, NULL, -1, 0),
               ('signature', '', NEW.state, '',
                -- Of the address as typed, which was mailed; the canonical one where DNS has another form.
                CASE WHEN NEW.state = 'confirmed' THEN substring(
                     CASE WHEN octet_length(NEW.email) = length(NEW.email) THEN lower(NEW.email)
                     ELSE NEW.email_canonical END FROM '[^@]*$') ELSE '' END,
                CASE WHEN NEW.state = 'confirmed' THEN wait_bucket(NEW.confirmed_at - NEW.requested_at) END,
                date_trunc('minute', now()),
                CASE WHEN NEW.state = 'confirmed' THEN date_trunc('hour', NEW.requested_at) END, 1, 1);
    END IF;
    IF OLD.state = 'confirmed' AND NEW.state = 'confirmed'
        AND ({SHOWN.format("OLD")}) IS NOT DISTINCT FROM ({SHOWN.format("NEW")}) THEN
        RETURN NULL;
    END IF;
    IF OLD.state = 'confirmed' THEN
        INSERT INTO campaign_log ({COUNTED}) VALUES ({WHO.format("OLD", reached="0", counted="-1")});
    END IF;
    IF NEW.state = 'confirmed' THEN
        INSERT INTO campaign_log ({COUNTED})
        VALUES ({WHO.format("NEW", reached="(OLD.state = 'pending')::int", counted="1")});
    ELSIF OLD.state = 'withdrawn' AND NEW.state = 'pending' THEN
        -- Who withdrew and signs again goes the same way a second time: one signature, one way.
        INSERT INTO campaign_log (petition_id, submitted, mailed, reached, counted)
        VALUES (NEW.petition_id, 0, 0, -1, 0);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION log_signatures_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
    SELECT 'signature', '', state, '', '', -count(*), 0 FROM old_rows GROUP BY state;
    INSERT INTO campaign_log ({COUNTED})
    SELECT {WHO.format("o", reached="0", counted="-count(*)")} FROM old_rows o WHERE o.state = 'confirmed' {BY};
    RETURN NULL;
END $$;
"""

TRIGGERS = """
DROP TRIGGER tally_inserted ON signatures;
DROP TRIGGER tally_updated ON signatures;
DROP TRIGGER tally_deleted ON signatures;
DROP TRIGGER campaign_inserted ON signatures;
DROP TRIGGER campaign_updated ON signatures;
DROP TRIGGER campaign_deleted ON signatures;
CREATE TRIGGER log_inserted AFTER INSERT ON signatures REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_signatures_inserted();
-- Without WHEN: its condition would be read anew for each statement, which takes longer than the call.
CREATE TRIGGER log_updated AFTER UPDATE ON signatures FOR EACH ROW EXECUTE FUNCTION log_signature_updated();
CREATE TRIGGER log_deleted AFTER DELETE ON signatures REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_signatures_deleted();
DROP FUNCTION tally_signatures();
DROP FUNCTION log_campaign_signatures();
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
