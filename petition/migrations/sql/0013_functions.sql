-- Functions and triggers that log what changes in deliveries and signatures, and the view that adds the log up.

-- First confirmation links sent, for a petition's statistics.
CREATE FUNCTION log_campaign_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Earlier emails are looked up only for signatures that were sent several.
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted,
                              source, language, profession, city, area, country)
    SELECT n.petition_id, NULL, 0, count(*), 0, 0,
           NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar
    FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE n.kind = 'confirm_signature' AND n.state = 'sent' AND o.state <> 'sent'
      AND (n.generation = 1 OR NOT EXISTS (
          SELECT FROM deliveries d WHERE d.subject_id = n.subject_id AND d.kind = n.kind AND d.state = 'sent'
          AND d.generation < n.generation))
    GROUP BY 1;
    RETURN NULL;
END $$;

CREATE FUNCTION log_signature_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state THEN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, bucket, minute, hour, change, entered)
        VALUES ('signature', '', OLD.state, '', '', NULL, NULL, NULL, -1, 0),
               ('signature', '', NEW.state, '',
                -- Of the address as typed, which was mailed; the canonical one where DNS has another form.
                CASE WHEN NEW.state = 'confirmed' THEN substring(
                     CASE WHEN octet_length(NEW.email) = length(NEW.email) THEN lower(NEW.email)
                     ELSE NEW.email_canonical END FROM '[^@]*$') ELSE '' END,
                CASE WHEN NEW.state = 'confirmed' THEN latency_bucket(NEW.confirmed_at - NEW.requested_at) END,
                date_trunc('minute', now()),
                CASE WHEN NEW.state = 'confirmed' THEN date_trunc('hour', NEW.requested_at) END, 1, 1);
    END IF;
    IF OLD.state = 'confirmed' AND NEW.state = 'confirmed'
        AND (OLD.source, OLD.locale, OLD.profession, OLD.city, OLD.postal_code, OLD.country, OLD.confirmed_at)
            IS NOT DISTINCT FROM
            (NEW.source, NEW.locale, NEW.profession, NEW.city, NEW.postal_code, NEW.country, NEW.confirmed_at) THEN
        RETURN NULL;
    END IF;
    IF OLD.state = 'confirmed' THEN
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted,
                              source, language, profession, city, area, country) VALUES (
            OLD.petition_id, date_trunc('hour', coalesce(OLD.confirmed_at, OLD.created_at), 'UTC'), 0, 0, 0, -1,
            OLD.source, OLD.locale, coalesce(OLD.profession, ''), coalesce(OLD.city, ''),
            upper(left(translate(coalesce(OLD.postal_code, ''), ' -', ''), 2)), coalesce(OLD.country, '')
        );
    END IF;
    IF NEW.state = 'confirmed' THEN
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted,
                              source, language, profession, city, area, country)
        VALUES (
            NEW.petition_id, date_trunc('hour', coalesce(NEW.confirmed_at, NEW.created_at), 'UTC'), 0, 0, (OLD.state = 'pending')::int, 1,
            NEW.source, NEW.locale, coalesce(NEW.profession, ''), coalesce(NEW.city, ''),
            upper(left(translate(coalesce(NEW.postal_code, ''), ' -', ''), 2)), coalesce(NEW.country, '')
        );
    ELSIF OLD.state = 'withdrawn' AND NEW.state = 'pending' THEN
        -- Somebody who withdrew signs again: one signature is counted once as reached.
        INSERT INTO campaign_log (petition_id, submitted, mailed, reached, counted)
        VALUES (NEW.petition_id, 0, 0, -1, 0);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION log_signatures_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
    SELECT 'signature', '', state, '', '', -count(*), 0 FROM old_rows GROUP BY state;
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted,
                              source, language, profession, city, area, country)
    SELECT o.petition_id, date_trunc('hour', coalesce(o.confirmed_at, o.created_at), 'UTC'), 0, 0, 0, -count(*),
           o.source, o.locale, coalesce(o.profession, ''), coalesce(o.city, ''),
           upper(left(translate(coalesce(o.postal_code, ''), ' -', ''), 2)), coalesce(o.country, '')
    FROM old_rows o WHERE o.state = 'confirmed' GROUP BY 1, 2, 7, 8, 9, 10, 11, 12;
    RETURN NULL;
END $$;

-- What changed in `signatures`, for the queue statistics and for the petition's statistics.
-- The first two characters of a postal code are an area: in France, a department.
CREATE FUNCTION log_signatures_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
    SELECT 'signature', '', state, '', '', count(*), count(*) FROM new_rows GROUP BY state;
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted)
    SELECT petition_id, date_trunc('hour', created_at, 'UTC'), count(*), 0, 0, 0 FROM new_rows GROUP BY 1, 2;
    -- Only an import from elsewhere inserts confirmed signatures.
    IF EXISTS (SELECT FROM new_rows WHERE state = 'confirmed') THEN
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted,
                              source, language, profession, city, area, country)
        SELECT n.petition_id, date_trunc('hour', coalesce(n.confirmed_at, n.created_at), 'UTC'), 0, 0, count(*), count(*),
           n.source, n.locale, coalesce(n.profession, ''), coalesce(n.city, ''),
           upper(left(translate(coalesce(n.postal_code, ''), ' -', ''), 2)), coalesce(n.country, '')
    FROM new_rows n
        WHERE n.state = 'confirmed' GROUP BY 1, 2, 7, 8, 9, 10, 11, 12;
    END IF;
    RETURN NULL;
END $$;

-- The class of a failure's cause, which metrics use as a label.
CREATE FUNCTION reason_class(cause text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN cause = '' THEN '' WHEN cause ~ '^4' THEN '4xx' WHEN cause ~ '^5' THEN '5xx'
                WHEN cause = 'worker died' THEN 'crash' WHEN cause ~ '^not ' THEN 'internal' ELSE 'connection' END
$$;

-- What changed in `deliveries`, by queue, state, cause and domain, for petition/operations/rollup.py to add up.
-- Each branch names the transition tables that its trigger has.
CREATE FUNCTION log_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, bucket, minute, hour, change, entered)
        WITH pairs AS (
            SELECT o.queue AS old_queue, o.state AS old_state, o.cause AS old_cause, coalesce(o.domain, '') AS old_domain,
                   n.queue, n.state, n.cause, coalesce(n.domain, '') AS domain,
                   n.kind, n.created_at, n.settled_at
            FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE (o.queue, o.state, o.cause, coalesce(o.domain, ''))
               <> (n.queue, n.state, n.cause, coalesce(n.domain, '')))
        SELECT 'delivery', old_queue, old_state, CASE WHEN old_state IN ('deferred', 'failed', 'unknown') THEN old_cause ELSE '' END,
               CASE WHEN old_state IN ('deferred', 'failed', 'unknown') THEN old_domain ELSE '' END,
               NULL::smallint, NULL::timestamptz, NULL::timestamptz, -count(*), 0
        FROM pairs GROUP BY 2, 3, 4, 5
        UNION ALL
        SELECT 'delivery', queue, state, CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent') THEN domain ELSE '' END,
               CASE WHEN state = 'sent' THEN latency_bucket(settled_at - created_at) END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent')
                    THEN date_trunc('minute', coalesce(settled_at, now())) END,
               CASE WHEN state IN ('deferred', 'failed', 'sent') AND kind = 'confirm_signature'
                    THEN date_trunc('hour', created_at) END,
               count(*), count(*) FILTER (WHERE old_state <> state)
        FROM pairs GROUP BY 2, 3, 4, 5, 6, 7, 8;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, bucket, minute, hour, change, entered)
        SELECT 'delivery', queue, state,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent') THEN coalesce(domain, '') ELSE '' END,
               CASE WHEN state = 'sent' THEN latency_bucket(settled_at - created_at) END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent')
                    THEN date_trunc('minute', coalesce(settled_at, now())) END,
               CASE WHEN state IN ('deferred', 'failed', 'sent') AND kind = 'confirm_signature'
                    THEN date_trunc('hour', created_at) END,
               count(*), count(*) FILTER (WHERE state <> 'due')
        FROM new_rows GROUP BY 2, 3, 4, 5, 6, 7, 8;
    ELSE
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'delivery', queue, state,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN coalesce(domain, '') ELSE '' END, -count(*), 0
        FROM old_rows GROUP BY 2, 3, 4, 5;
    END IF;
    RETURN NULL;
END $$;

-- The same by mailing: `queue` holds the mailing's id.
CREATE FUNCTION log_mailing_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', sum(change), 0 FROM (
            SELECT o.mailing_id, o.state, -1 AS change FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE o.mailing_id IS NOT NULL AND o.state <> n.state
            UNION ALL
            SELECT n.mailing_id, n.state, 1 FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE n.mailing_id IS NOT NULL AND o.state <> n.state) AS changes
        GROUP BY 2, 3 HAVING sum(change) <> 0;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', count(*), 0
        FROM new_rows WHERE mailing_id IS NOT NULL GROUP BY 2, 3;
    ELSE
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', -count(*), 0
        FROM old_rows WHERE mailing_id IS NOT NULL GROUP BY 2, 3;
    END IF;
    RETURN NULL;
END $$;

-- The number of the bucket of a latency; petition/operations/latency.py has the same bounds, in seconds.
CREATE FUNCTION latency_bucket(waited interval) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT width_bucket(extract(epoch FROM waited), ARRAY[
        0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8, 10, 15, 22, 33, 47, 68, 100, 150, 220, 330,
        470, 680, 1000, 1500, 2200, 3300, 4700, 6800, 10000, 15000, 22000, 33000, 47000, 68000, 100000])::smallint
$$;

CREATE TRIGGER log_campaign_sent AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_campaign_deliveries();
CREATE TRIGGER log_deleted AFTER DELETE ON signatures REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_signatures_deleted();
CREATE TRIGGER log_inserted AFTER INSERT ON signatures REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_signatures_inserted();
-- Without WHEN, which would be parsed for each statement and takes longer than the call.
CREATE TRIGGER log_updated AFTER UPDATE ON signatures
    FOR EACH ROW EXECUTE FUNCTION log_signature_updated();
CREATE TRIGGER log_deleted AFTER DELETE ON deliveries REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_deliveries();
CREATE TRIGGER log_inserted AFTER INSERT ON deliveries REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_deliveries();
CREATE TRIGGER log_mailing_deleted AFTER DELETE ON deliveries REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_mailing_deliveries();
CREATE TRIGGER log_mailing_inserted AFTER INSERT ON deliveries REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_mailing_deliveries();
CREATE TRIGGER log_mailing_updated AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_mailing_deliveries();
CREATE TRIGGER log_updated AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_deliveries();

-- How many rows are in each state now: the counts that petition/operations/rollup.py added up, and the log that it has not
-- added up yet. Conditions on subject and queue reach both tables.
CREATE VIEW current_state_counts AS
    SELECT subject, queue, state, sum(n)::bigint AS n FROM (
        SELECT subject, queue, state, n FROM state_counts
        UNION ALL SELECT subject, queue, state, change FROM state_change_log) AS changes
    GROUP BY subject, queue, state;
