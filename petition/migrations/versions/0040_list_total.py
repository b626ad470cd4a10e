"""The public list's total from the campaign log, and its search from the team's index of words.

A trigger and two indexes less for each confirmation.
"""

from alembic import op

revision = "0040"
down_revision = "0039"
compatible_from = "0040"  # older code would read the total from a table that is gone

# Whether a row is a person in the public list: the condition of `LISTED_PERSON_SQL`.
OLD_LISTED, NEW_LISTED, ROW_LISTED = (
    f"({row}state = 'confirmed' AND {row}listed AND ({row}review IS NULL OR {row}review = 'approved')"
    f" AND {row}party = 'person')"
    for row in ("OLD.", "NEW.", "")
)

LOG_UPDATED_SQL = f"""
    CREATE OR REPLACE FUNCTION log_signature_updated() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was_listed int := coalesce({OLD_LISTED}, false)::int;
        is_listed int := coalesce({NEW_LISTED}, false)::int;
        emailed_at timestamptz;
    BEGIN
        -- Anonymising changes no statistic but the list: towns stay counted, whose signatures no longer say them.
        IF (NEW.anonymised_at IS NOT NULL AND OLD.anonymised_at IS NULL AND OLD.state = NEW.state)
            OR (OLD.state = 'confirmed' AND NEW.state = 'confirmed'
                AND (OLD.source, OLD.locale, OLD.profession, OLD.city, OLD.postal_code, OLD.country, OLD.confirmed_at)
                    IS NOT DISTINCT FROM
                    (NEW.source, NEW.locale, NEW.profession, NEW.city, NEW.postal_code, NEW.country,
                     NEW.confirmed_at)) THEN
            IF was_listed <> is_listed THEN
                INSERT INTO campaign_log (petition_id, submitted, mailed, reached, counted, listed)
                VALUES (NEW.petition_id, 0, 0, 0, 0, is_listed - was_listed);
            END IF;
            RETURN NULL;
        END IF;
        -- When the link was emailed that may have been followed: a staff action that confirms or reinstates follows
        -- none. Until it is recorded as sent, its reader may already be here.
        IF (OLD.state = 'pending' AND NEW.state = 'confirmed')
            OR (OLD.state = 'withdrawn' AND NEW.state = 'pending') THEN
            SELECT max(created_at) INTO emailed_at FROM deliveries
            WHERE subject_id = NEW.id AND kind = 'confirm_signature' AND state IN ('sent', 'sending');
        END IF;
        IF OLD.state <> NEW.state THEN
            INSERT INTO state_change_log (subject, queue, state, cause, domain, bucket, minute, hour, change, entered)
            VALUES ('signature', '', OLD.state, '', '', NULL, NULL, NULL, -1, 0),
                   ('signature', '', NEW.state, '',
                    -- Of the address as typed, which was mailed; the canonical one where DNS has another form.
                    CASE WHEN NEW.state = 'confirmed' AND emailed_at IS NOT NULL THEN substring(
                         CASE WHEN octet_length(NEW.email) = length(NEW.email) THEN lower(NEW.email)
                         ELSE NEW.email_canonical END FROM '[^@]*$') ELSE '' END,
                    CASE WHEN NEW.state = 'confirmed' AND emailed_at IS NOT NULL
                         THEN latency_bucket(NEW.confirmed_at - NEW.requested_at) END,
                    date_trunc('minute', now()),
                    -- The hour in which the email counts as well.
                    CASE WHEN NEW.state = 'confirmed' AND emailed_at IS NOT NULL
                         THEN date_trunc('hour', emailed_at) END, 1, 1);
        END IF;
        IF OLD.state = 'confirmed' THEN
            INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, listed,
                                      source, language, profession, city, area, country)
            VALUES (
                OLD.petition_id, date_trunc('hour', coalesce(OLD.confirmed_at, OLD.created_at), 'UTC'), 0, 0, 0, -1,
                -was_listed, OLD.source, OLD.locale, coalesce(OLD.profession, ''), coalesce(OLD.city, ''),
                upper(left(translate(coalesce(OLD.postal_code, ''), ' -', ''), 2)), coalesce(OLD.country, '')
            );
        END IF;
        IF NEW.state = 'confirmed' THEN
            INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, listed,
                                      source, language, profession, city, area, country)
            VALUES (
                NEW.petition_id, date_trunc('hour', coalesce(NEW.confirmed_at, NEW.created_at), 'UTC'), 0, 0,
                (OLD.state = 'pending' AND emailed_at IS NOT NULL)::int, 1,
                is_listed, NEW.source, NEW.locale, coalesce(NEW.profession, ''), coalesce(NEW.city, ''),
                upper(left(translate(coalesce(NEW.postal_code, ''), ' -', ''), 2)), coalesce(NEW.country, '')
            );
        ELSIF OLD.state = 'withdrawn' AND NEW.state = 'pending' THEN
            -- Somebody who withdrew signs again: one signature is counted once as reached.
            INSERT INTO campaign_log (petition_id, submitted, mailed, reached, counted)
            VALUES (NEW.petition_id, 0, 0, -(emailed_at IS NOT NULL)::int, 0);
        END IF;
        RETURN NULL;
    END $$
"""

LOG_DELETED_SQL = f"""
    CREATE OR REPLACE FUNCTION log_signatures_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'signature', '', state, '', '', -count(*), 0 FROM old_rows GROUP BY state;
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, listed,
                                  source, language, profession, city, area, country)
        SELECT petition_id, date_trunc('hour', coalesce(confirmed_at, created_at), 'UTC'), 0, 0, 0, -count(*),
               -count(*) FILTER (WHERE {ROW_LISTED}), source, locale, coalesce(profession, ''), coalesce(city, ''),
               upper(left(translate(coalesce(postal_code, ''), ' -', ''), 2)), coalesce(country, '')
        FROM old_rows WHERE state = 'confirmed' GROUP BY 1, 2, 8, 9, 10, 11, 12, 13;
        RETURN NULL;
    END $$
"""

LOG_INSERTED_SQL = f"""
    CREATE OR REPLACE FUNCTION log_signatures_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'signature', '', state, '', '', count(*), count(*) FROM new_rows GROUP BY state;
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted)
        SELECT petition_id, date_trunc('hour', created_at, 'UTC'), count(*), 0, 0, 0 FROM new_rows GROUP BY 1, 2;
        -- Only an import from elsewhere inserts confirmed signatures.
        IF EXISTS (SELECT FROM new_rows WHERE state = 'confirmed') THEN
            INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, listed,
                                      source, language, profession, city, area, country)
            SELECT petition_id, date_trunc('hour', coalesce(confirmed_at, created_at), 'UTC'), 0, 0, count(*),
                   count(*), count(*) FILTER (WHERE {ROW_LISTED}),
                   source, locale, coalesce(profession, ''), coalesce(city, ''),
                   upper(left(translate(coalesce(postal_code, ''), ' -', ''), 2)), coalesce(country, '')
            FROM new_rows WHERE state = 'confirmed' GROUP BY 1, 2, 8, 9, 10, 11, 12, 13;
        END IF;
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    """Count the list in the log, and take the table, its triggers and the second index of words out."""
    # With it nobody changes a signature until the end of this transaction, so that the total is exact.
    op.execute("DROP TRIGGER count_listed_inserted ON signatures")
    op.execute("DROP TRIGGER count_listed_come ON signatures")
    op.execute("DROP TRIGGER count_listed_gone ON signatures")
    op.execute("DROP TRIGGER count_listed_deleted ON signatures")
    op.execute("DROP FUNCTION count_listed()")
    op.execute("DROP FUNCTION count_listed_inserts()")
    op.execute("ALTER TABLE campaign_log ADD COLUMN listed BIGINT NOT NULL DEFAULT 0")
    for statement in (LOG_UPDATED_SQL, LOG_DELETED_SQL, LOG_INSERTED_SQL):
        op.execute(statement)
    op.execute("""
        INSERT INTO campaign_statistics (petition_id, dimension, value, label, n)
        SELECT petition_id, 'list', 'people', 'people', sum(people) FROM list_counts GROUP BY petition_id
    """)
    op.execute("DROP TABLE list_counts")
    op.execute("DROP INDEX ix_signatures_list_words")
