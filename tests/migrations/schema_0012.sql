
CREATE FUNCTION public.log_campaign_deliveries() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- The first link that left for a signature; what was sent before is asked only for the few that were sent several.
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country)
    SELECT n.petition_id, NULL, 0, count(*), 0, 0, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar
    FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE n.kind = 'confirm_signature' AND n.state = 'sent' AND o.state <> 'sent'
      AND (n.generation = 1 OR NOT EXISTS (
          SELECT FROM deliveries d WHERE d.subject_id = n.subject_id AND d.kind = n.kind AND d.state = 'sent'
          AND d.generation < n.generation))
    GROUP BY 1;
    RETURN NULL;
END $$;

CREATE FUNCTION public.log_signature_updated() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
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
        AND (OLD.source, OLD.locale, OLD.profession, OLD.city, OLD.postal_code, OLD.country, OLD.confirmed_at) IS NOT DISTINCT FROM (NEW.source, NEW.locale, NEW.profession, NEW.city, NEW.postal_code, NEW.country, NEW.confirmed_at) THEN
        RETURN NULL;
    END IF;
    IF OLD.state = 'confirmed' THEN
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country) VALUES (
    OLD.petition_id, date_trunc('hour', coalesce(OLD.confirmed_at, OLD.created_at), 'UTC'), 0, 0, 0, -1,
    OLD.source, OLD.locale, coalesce(OLD.profession, ''), coalesce(OLD.city, ''),
    upper(left(translate(coalesce(OLD.postal_code, ''), ' -', ''), 2)), coalesce(OLD.country, '')
);
    END IF;
    IF NEW.state = 'confirmed' THEN
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country)
        VALUES (
    NEW.petition_id, date_trunc('hour', coalesce(NEW.confirmed_at, NEW.created_at), 'UTC'), 0, 0, (OLD.state = 'pending')::int, 1,
    NEW.source, NEW.locale, coalesce(NEW.profession, ''), coalesce(NEW.city, ''),
    upper(left(translate(coalesce(NEW.postal_code, ''), ' -', ''), 2)), coalesce(NEW.country, '')
);
    ELSIF OLD.state = 'withdrawn' AND NEW.state = 'pending' THEN
        -- Who withdrew and signs again goes the same way a second time: one signature, one way.
        INSERT INTO campaign_log (petition_id, submitted, mailed, reached, counted)
        VALUES (NEW.petition_id, 0, 0, -1, 0);
    END IF;
    RETURN NULL;
END $_$;

CREATE FUNCTION public.log_signatures_deleted() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
    SELECT 'signature', '', state, '', '', -count(*), 0 FROM old_rows GROUP BY state;
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country)
    SELECT 
    o.petition_id, date_trunc('hour', coalesce(o.confirmed_at, o.created_at), 'UTC'), 0, 0, 0, -count(*),
    o.source, o.locale, coalesce(o.profession, ''), coalesce(o.city, ''),
    upper(left(translate(coalesce(o.postal_code, ''), ' -', ''), 2)), coalesce(o.country, '')
 FROM old_rows o WHERE o.state = 'confirmed' GROUP BY 1, 2, 7, 8, 9, 10, 11, 12;
    RETURN NULL;
END $$;

CREATE FUNCTION public.log_signatures_inserted() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
    SELECT 'signature', '', state, '', '', count(*), count(*) FROM new_rows GROUP BY state;
    INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted)
    SELECT petition_id, date_trunc('hour', created_at, 'UTC'), count(*), 0, 0, 0 FROM new_rows GROUP BY 1, 2;
    -- Nobody signs confirmed; who fills the table from elsewhere does.
    IF EXISTS (SELECT FROM new_rows WHERE state = 'confirmed') THEN
        INSERT INTO campaign_log (petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country)
        SELECT 
    n.petition_id, date_trunc('hour', coalesce(n.confirmed_at, n.created_at), 'UTC'), 0, 0, count(*), count(*),
    n.source, n.locale, coalesce(n.profession, ''), coalesce(n.city, ''),
    upper(left(translate(coalesce(n.postal_code, ''), ' -', ''), 2)), coalesce(n.country, '')
 FROM new_rows n
        WHERE n.state = 'confirmed' GROUP BY 1, 2, 7, 8, 9, 10, 11, 12;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.reason_class(cause text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT CASE WHEN cause = '' THEN '' WHEN cause ~ '^4' THEN '4xx' WHEN cause ~ '^5' THEN '5xx'
                WHEN cause = 'worker died' THEN 'crash' WHEN cause ~ '^not ' THEN 'internal' ELSE 'connection' END
$$;

CREATE FUNCTION public.tally_deliveries() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Each branch names the transition tables that its trigger has.
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, bucket, minute, hour, change, entered)
        WITH pairs AS (
            SELECT o.lane AS lane_0, o.state AS state_0, o.cause AS cause_0, coalesce(o.domain, '') AS domain_0,
                   n.lane, n.state, n.cause, coalesce(n.domain, '') AS domain,
                   n.kind, n.created_at, n.settled_at
            FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE (o.lane, o.state, o.cause, coalesce(o.domain, ''))
               <> (n.lane, n.state, n.cause, coalesce(n.domain, '')))
        SELECT 'delivery', lane_0, state_0, CASE WHEN state_0 IN ('deferred', 'failed', 'unknown') THEN cause_0 ELSE '' END,
               CASE WHEN state_0 IN ('deferred', 'failed', 'unknown') THEN domain_0 ELSE '' END,
               NULL::smallint, NULL::timestamptz, NULL::timestamptz, -count(*), 0
        FROM pairs GROUP BY 2, 3, 4, 5
        UNION ALL
        SELECT 'delivery', lane, state, CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent') THEN domain ELSE '' END,
               CASE WHEN state = 'sent' THEN wait_bucket(settled_at - created_at) END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent')
                    THEN date_trunc('minute', coalesce(settled_at, now())) END,
               CASE WHEN state IN ('deferred', 'failed', 'sent') AND kind = 'confirm_signature'
                    THEN date_trunc('hour', created_at) END,
               count(*), count(*) FILTER (WHERE state_0 <> state)
        FROM pairs GROUP BY 2, 3, 4, 5, 6, 7, 8;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, bucket, minute, hour, change, entered)
        SELECT 'delivery', lane, state,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent') THEN coalesce(domain, '') ELSE '' END,
               CASE WHEN state = 'sent' THEN wait_bucket(settled_at - created_at) END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent')
                    THEN date_trunc('minute', coalesce(settled_at, now())) END,
               CASE WHEN state IN ('deferred', 'failed', 'sent') AND kind = 'confirm_signature'
                    THEN date_trunc('hour', created_at) END,
               count(*), count(*) FILTER (WHERE state <> 'due')
        FROM new_rows GROUP BY 2, 3, 4, 5, 6, 7, 8;
    ELSE
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'delivery', lane, state,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN coalesce(domain, '') ELSE '' END, -count(*), 0
        FROM old_rows GROUP BY 2, 3, 4, 5;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.tally_mailings() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', sum(change), 0 FROM (
            SELECT o.mailing_id, o.state, -1 AS change FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE o.mailing_id IS NOT NULL AND o.state <> n.state
            UNION ALL
            SELECT n.mailing_id, n.state, 1 FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE n.mailing_id IS NOT NULL AND o.state <> n.state) AS changes
        GROUP BY 2, 3 HAVING sum(change) <> 0;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', count(*), 0
        FROM new_rows WHERE mailing_id IS NOT NULL GROUP BY 2, 3;
    ELSE
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', -count(*), 0
        FROM old_rows WHERE mailing_id IS NOT NULL GROUP BY 2, 3;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.wait_bucket(waited interval) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT width_bucket(extract(epoch FROM waited), ARRAY[
        0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8, 10, 15, 22, 33, 47, 68, 100, 150, 220, 330,
        470, 680, 1000, 1500, 2200, 3300, 4700, 6800, 10000, 15000, 22000, 33000, 47000, 68000, 100000])::smallint
$$;

CREATE TABLE public.accounts (
    id bigint NOT NULL,
    email character varying(320) NOT NULL,
    name character varying(120) NOT NULL,
    language character varying(5) NOT NULL,
    role_names character varying(20)[] NOT NULL,
    active boolean NOT NULL,
    password character varying(255),
    fs_uniquifier character varying(64) NOT NULL,
    link_generation bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_sign_in_at timestamp with time zone,
    tf_primary_method character varying(64),
    tf_totp_secret character varying(255),
    tf_last_counter bigint,
    fs_webauthn_user_handle character varying(64),
    mf_recovery_codes text
);

ALTER TABLE public.accounts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.attempts (
    id bigint NOT NULL,
    delivery_id bigint NOT NULL,
    rung_at timestamp with time zone,
    rung_by character varying(10),
    claimed_at timestamp with time zone,
    worker character varying(100),
    ended_at timestamp with time zone NOT NULL,
    state character varying(12) NOT NULL,
    smtp_code smallint,
    words character varying(200)
);

ALTER TABLE public.attempts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_events (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    account_id bigint,
    actor character varying(320) NOT NULL,
    action character varying(60) NOT NULL,
    subject character varying(40) NOT NULL,
    subject_id character varying(80),
    before jsonb,
    after jsonb,
    request_id character varying(32)
);

ALTER TABLE public.audit_events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.bounces (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    kind character varying(14) NOT NULL,
    status character varying(12) NOT NULL,
    words character varying(200) NOT NULL,
    source character varying(20) NOT NULL,
    digest character varying(64) NOT NULL,
    delivery_id bigint,
    mailing_id bigint,
    address_hash character varying(32),
    raw bytea,
    read_at timestamp with time zone,
    CONSTRAINT ck_bounces_kind CHECK (((kind)::text = ANY ((ARRAY['permanent'::character varying, 'soft'::character varying, 'policy'::character varying, 'complaint'::character varying, 'delayed'::character varying, 'unsubscribe'::character varying, 'not_understood'::character varying])::text[])))
);

ALTER TABLE public.bounces ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.bounces_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.campaign_figures (
    petition_id bigint NOT NULL,
    dimension character varying(12) NOT NULL,
    value character varying(250) NOT NULL,
    label character varying(120) NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.campaign_hours (
    petition_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    submitted bigint NOT NULL,
    counted bigint NOT NULL
);

CREATE TABLE public.campaign_log (
    id bigint NOT NULL,
    petition_id bigint NOT NULL,
    hour timestamp with time zone,
    submitted bigint NOT NULL,
    mailed bigint NOT NULL,
    reached bigint NOT NULL,
    counted bigint NOT NULL,
    source character varying(20),
    language character varying(5),
    profession character varying(120),
    city character varying(120),
    area character varying(20),
    country character varying(2)
);

ALTER TABLE public.campaign_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.campaign_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE public.confirmation_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.consent_wordings (
    id bigint NOT NULL,
    version character varying(20) NOT NULL,
    language character varying(5) NOT NULL,
    text character varying(600) NOT NULL
);

ALTER TABLE public.consent_wordings ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.consent_wordings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.deliveries (
    id bigint NOT NULL,
    kind character varying(40) NOT NULL,
    lane character varying(20) NOT NULL,
    petition_id bigint NOT NULL,
    subject_id bigint NOT NULL,
    generation bigint NOT NULL,
    mailing_id bigint,
    state character varying(12) NOT NULL,
    attempt smallint NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone,
    claim_token uuid,
    claimed_by character varying(100),
    smtp_code smallint,
    reason character varying(200),
    domain character varying(255),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    cause character varying(80) DEFAULT ''::character varying NOT NULL,
    request_id character varying(32),
    tried_at timestamp with time zone,
    begun boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_deliveries_state CHECK (((state)::text = ANY ((ARRAY['due'::character varying, 'sending'::character varying, 'sent'::character varying, 'deferred'::character varying, 'failed'::character varying, 'unknown'::character varying, 'cancelled'::character varying, 'suppressed'::character varying])::text[])))
);

ALTER TABLE public.deliveries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.depths (
    subject character varying(10) NOT NULL,
    lane character varying(20) NOT NULL,
    state character varying(12) NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.domain_tallies (
    hour timestamp with time zone NOT NULL,
    domain character varying(255) NOT NULL,
    state character varying(12) NOT NULL,
    bucket smallint NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.drifts (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    what character varying(40) NOT NULL,
    subject_id bigint,
    found bigint NOT NULL,
    expected bigint NOT NULL
);

ALTER TABLE public.drifts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.drifts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.failure_groups (
    lane character varying(20) NOT NULL,
    state character varying(12) NOT NULL,
    cause character varying(80) NOT NULL,
    domain character varying(255) NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.runs (
    id bigint CONSTRAINT group_actions_id_not_null NOT NULL,
    verb character varying(20) CONSTRAINT group_actions_verb_not_null NOT NULL,
    state character varying(10) CONSTRAINT group_actions_state_not_null NOT NULL,
    filter jsonb CONSTRAINT group_actions_filter_not_null NOT NULL,
    asked_by character varying(320) CONSTRAINT group_actions_asked_by_not_null NOT NULL,
    total bigint CONSTRAINT group_actions_total_not_null NOT NULL,
    done bigint CONSTRAINT group_actions_done_not_null NOT NULL,
    skipped bigint CONSTRAINT group_actions_skipped_not_null NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT group_actions_created_at_not_null NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    subject character varying(20) NOT NULL,
    reason character varying(200),
    "position" bigint DEFAULT 0 NOT NULL,
    undoes bigint,
    CONSTRAINT ck_runs_state CHECK (((state)::text = ANY ((ARRAY['draft'::character varying, 'running'::character varying, 'stopped'::character varying, 'done'::character varying])::text[])))
);

ALTER TABLE public.runs ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.group_actions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.heartbeats (
    name character varying(120) NOT NULL,
    part character varying(10) NOT NULL,
    host character varying(80) NOT NULL,
    pid bigint NOT NULL,
    lanes character varying(20)[] NOT NULL,
    version character varying(40) NOT NULL,
    threads bigint NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_success_at timestamp with time zone
);

CREATE TABLE public.holds (
    scope character varying(20) NOT NULL,
    reason character varying(200) NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone,
    strikes smallint NOT NULL,
    by character varying(320)
);

CREATE TABLE public.mailing_tests (
    id bigint NOT NULL,
    mailing_id bigint NOT NULL,
    version bigint NOT NULL,
    language character varying(5) NOT NULL,
    account_id bigint NOT NULL,
    asked_by character varying(320) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.mailing_tests ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.mailing_tests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.mailing_texts (
    mailing_id bigint NOT NULL,
    language character varying(5) NOT NULL,
    subject character varying(300) NOT NULL,
    preheader character varying(300) NOT NULL,
    body text NOT NULL
);

CREATE TABLE public.mailings (
    id bigint NOT NULL,
    name character varying(120) NOT NULL,
    state character varying(10) NOT NULL,
    version bigint NOT NULL,
    sender_name character varying(120) NOT NULL,
    reply_to character varying(254),
    timezone character varying(60) NOT NULL,
    segment jsonb NOT NULL,
    per_hour bigint,
    per_domain_hour bigint,
    warm_up bigint,
    undo_minutes bigint DEFAULT '5'::bigint NOT NULL,
    failure_limit double precision DEFAULT 0.05 NOT NULL,
    unsubscribe_limit double precision DEFAULT 0.02 NOT NULL,
    public boolean DEFAULT false NOT NULL,
    audience jsonb,
    audience_version bigint,
    tested_version bigint,
    send_at timestamp with time zone,
    started_at timestamp with time zone,
    frozen_to timestamp with time zone,
    ended_at timestamp with time zone,
    paused_at timestamp with time zone,
    speed jsonb DEFAULT '[]'::jsonb NOT NULL,
    judged_from jsonb DEFAULT '{}'::jsonb NOT NULL,
    reason character varying(200),
    written_by character varying(320) NOT NULL,
    sent_by_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_mailings_state CHECK (((state)::text = ANY ((ARRAY['draft'::character varying, 'tested'::character varying, 'scheduled'::character varying, 'sending'::character varying, 'paused'::character varying, 'sent'::character varying, 'cancelled'::character varying])::text[])))
);

ALTER TABLE public.mailings ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.mailings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.minute_tallies (
    minute timestamp with time zone NOT NULL,
    subject character varying(10) NOT NULL,
    lane character varying(20) NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(12) NOT NULL,
    bucket smallint NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.paper_imports (
    id bigint NOT NULL,
    petition_id bigint NOT NULL,
    state character varying(10) NOT NULL,
    file_name character varying(200) NOT NULL,
    asked_by character varying(320) NOT NULL,
    lines bigint NOT NULL,
    added bigint NOT NULL,
    problems jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    imported_at timestamp with time zone,
    undone_at timestamp with time zone,
    CONSTRAINT ck_paper_imports_state CHECK (((state)::text = ANY ((ARRAY['draft'::character varying, 'done'::character varying, 'undone'::character varying])::text[])))
);

ALTER TABLE public.paper_imports ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.paper_imports_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.paper_signatures (
    id bigint NOT NULL,
    petition_id bigint NOT NULL,
    import_id bigint NOT NULL,
    line bigint NOT NULL,
    name character varying(120) NOT NULL,
    profession character varying(120),
    city character varying(120),
    postal_code character varying(20),
    signed_on date,
    reference character varying(60)
);

ALTER TABLE public.paper_signatures ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.paper_signatures_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.passkeys (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    transports text,
    backup_state boolean NOT NULL,
    device_type character varying(64) NOT NULL,
    extensions character varying(255),
    create_datetime timestamp with time zone DEFAULT now() NOT NULL,
    lastuse_datetime timestamp with time zone NOT NULL,
    name character varying(64) NOT NULL,
    usage character varying(64) NOT NULL
);

ALTER TABLE public.passkeys ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.passkeys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.petition_counts (
    petition_id bigint NOT NULL,
    slot smallint NOT NULL,
    people bigint DEFAULT '0'::bigint NOT NULL,
    organisations bigint DEFAULT '0'::bigint NOT NULL,
    paper bigint DEFAULT '0'::bigint NOT NULL
);

CREATE TABLE public.petition_texts (
    petition_id bigint NOT NULL,
    language character varying(5) NOT NULL,
    title character varying(200) NOT NULL,
    summary character varying(600) NOT NULL,
    body text NOT NULL,
    addressee character varying(200) NOT NULL,
    professions character varying(120)[] DEFAULT '{}'::character varying[] NOT NULL
);

CREATE TABLE public.petitions (
    id bigint NOT NULL,
    slug character varying(80) NOT NULL,
    kind character varying(20) NOT NULL,
    state character varying(10) NOT NULL,
    default_language character varying(5) NOT NULL,
    sender_name character varying(120) NOT NULL,
    reply_to character varying(254),
    asks character varying(20)[] NOT NULL,
    listing character varying(10) NOT NULL,
    accepts_organisations boolean NOT NULL,
    milestones bigint[] NOT NULL,
    timezone character varying(60) DEFAULT 'Europe/Paris'::character varying NOT NULL,
    opens_at timestamp with time zone,
    closes_at timestamp with time zone,
    closed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT '1'::bigint NOT NULL,
    CONSTRAINT ck_petitions_kind CHECK (((kind)::text = ANY ((ARRAY['petition'::character varying, 'open_letter'::character varying])::text[]))),
    CONSTRAINT ck_petitions_listing CHECK (((listing)::text = ANY ((ARRAY['opt_in'::character varying, 'none'::character varying])::text[]))),
    CONSTRAINT ck_petitions_state CHECK (((state)::text = ANY ((ARRAY['draft'::character varying, 'open'::character varying, 'closed'::character varying, 'archived'::character varying])::text[])))
);

ALTER TABLE public.petitions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.petitions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.probes (
    name character varying(40) NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    ok boolean NOT NULL,
    words character varying(200) NOT NULL,
    milliseconds bigint NOT NULL
);

CREATE TABLE public.run_rows (
    run_id bigint CONSTRAINT group_action_rows_action_id_not_null NOT NULL,
    subject_id bigint CONSTRAINT group_action_rows_delivery_id_not_null NOT NULL,
    state character varying(12) CONSTRAINT group_action_rows_state_not_null NOT NULL,
    done_at timestamp with time zone
);

CREATE TABLE public.saved_searches (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    filter jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.saved_searches ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.saved_searches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.signatures (
    id bigint NOT NULL,
    petition_id bigint NOT NULL,
    party character varying(12) NOT NULL,
    state character varying(12) NOT NULL,
    name character varying(120) NOT NULL,
    organisation character varying(200),
    email character varying(320) NOT NULL,
    email_canonical character varying(320) NOT NULL,
    profession character varying(120),
    city character varying(120),
    postal_code character varying(20),
    country character varying(2),
    locale character varying(5) NOT NULL,
    listed boolean NOT NULL,
    updates boolean NOT NULL,
    updates_wording_id bigint,
    updates_at timestamp with time zone,
    source character varying(20) NOT NULL,
    generation bigint NOT NULL,
    valid_from bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    reminded_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    confirmed_no bigint,
    ended_at timestamp with time zone,
    list_position bigint,
    logo_text character varying(60),
    merged_into bigint,
    network character varying(32),
    CONSTRAINT ck_signatures_party CHECK (((party)::text = ANY ((ARRAY['person'::character varying, 'organisation'::character varying])::text[]))),
    CONSTRAINT ck_signatures_state CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'confirmed'::character varying, 'withdrawn'::character varying, 'disowned'::character varying, 'invalidated'::character varying])::text[])))
);

ALTER TABLE public.signatures ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.signatures_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.suppressions (
    address_hash character varying(32) NOT NULL,
    reason character varying(200) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.tally_log (
    id bigint NOT NULL,
    subject character varying(10) NOT NULL,
    lane character varying(20) NOT NULL,
    state character varying(12) NOT NULL,
    cause character varying(80) NOT NULL,
    domain character varying(255) NOT NULL,
    bucket smallint,
    minute timestamp with time zone,
    hour timestamp with time zone,
    change bigint NOT NULL,
    entered bigint NOT NULL
);

ALTER TABLE public.tally_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tally_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.totals (
    subject character varying(10) NOT NULL,
    lane character varying(20) NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(12) NOT NULL,
    bucket smallint NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.unsubscriptions (
    id bigint NOT NULL,
    mailing_id bigint NOT NULL,
    delivery_id bigint NOT NULL,
    choice character varying(10) NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_unsubscriptions_choice CHECK (((choice)::text = ANY ((ARRAY['these'::character varying, 'all'::character varying, 'withdraw'::character varying, 'complaint'::character varying])::text[])))
);

ALTER TABLE public.unsubscriptions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.unsubscriptions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT pk_accounts PRIMARY KEY (id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT pk_audit_events PRIMARY KEY (id);

ALTER TABLE ONLY public.bounces
    ADD CONSTRAINT pk_bounces PRIMARY KEY (id);

ALTER TABLE ONLY public.campaign_figures
    ADD CONSTRAINT pk_campaign_figures PRIMARY KEY (petition_id, dimension, value);

ALTER TABLE ONLY public.campaign_hours
    ADD CONSTRAINT pk_campaign_hours PRIMARY KEY (petition_id, hour);

ALTER TABLE ONLY public.campaign_log
    ADD CONSTRAINT pk_campaign_log PRIMARY KEY (id);

ALTER TABLE ONLY public.consent_wordings
    ADD CONSTRAINT pk_consent_wordings PRIMARY KEY (id);

ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (id);

ALTER TABLE ONLY public.depths
    ADD CONSTRAINT pk_depths PRIMARY KEY (subject, lane, state);

ALTER TABLE ONLY public.domain_tallies
    ADD CONSTRAINT pk_domain_tallies PRIMARY KEY (hour, domain, state, bucket);

ALTER TABLE ONLY public.drifts
    ADD CONSTRAINT pk_drifts PRIMARY KEY (id);

ALTER TABLE ONLY public.failure_groups
    ADD CONSTRAINT pk_failure_groups PRIMARY KEY (lane, state, cause, domain);

ALTER TABLE ONLY public.heartbeats
    ADD CONSTRAINT pk_heartbeats PRIMARY KEY (name);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT pk_holds PRIMARY KEY (scope);

ALTER TABLE ONLY public.mailing_tests
    ADD CONSTRAINT pk_mailing_tests PRIMARY KEY (id);

ALTER TABLE ONLY public.mailing_texts
    ADD CONSTRAINT pk_mailing_texts PRIMARY KEY (mailing_id, language);

ALTER TABLE ONLY public.mailings
    ADD CONSTRAINT pk_mailings PRIMARY KEY (id);

ALTER TABLE ONLY public.minute_tallies
    ADD CONSTRAINT pk_minute_tallies PRIMARY KEY (minute, subject, lane, state, reason, bucket);

ALTER TABLE ONLY public.paper_imports
    ADD CONSTRAINT pk_paper_imports PRIMARY KEY (id);

ALTER TABLE ONLY public.paper_signatures
    ADD CONSTRAINT pk_paper_signatures PRIMARY KEY (id);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT pk_passkeys PRIMARY KEY (id);

ALTER TABLE ONLY public.petition_counts
    ADD CONSTRAINT pk_petition_counts PRIMARY KEY (petition_id, slot);

ALTER TABLE ONLY public.petition_texts
    ADD CONSTRAINT pk_petition_texts PRIMARY KEY (petition_id, language);

ALTER TABLE ONLY public.petitions
    ADD CONSTRAINT pk_petitions PRIMARY KEY (id);

ALTER TABLE ONLY public.probes
    ADD CONSTRAINT pk_probes PRIMARY KEY (name);

ALTER TABLE ONLY public.run_rows
    ADD CONSTRAINT pk_run_rows PRIMARY KEY (run_id, subject_id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT pk_runs PRIMARY KEY (id);

ALTER TABLE ONLY public.saved_searches
    ADD CONSTRAINT pk_saved_searches PRIMARY KEY (id);

ALTER TABLE ONLY public.signatures
    ADD CONSTRAINT pk_signatures PRIMARY KEY (id);

ALTER TABLE ONLY public.suppressions
    ADD CONSTRAINT pk_suppressions PRIMARY KEY (address_hash);

ALTER TABLE ONLY public.tally_log
    ADD CONSTRAINT pk_tally_log PRIMARY KEY (id);

ALTER TABLE ONLY public.totals
    ADD CONSTRAINT pk_totals PRIMARY KEY (subject, lane, state, reason, bucket);

ALTER TABLE ONLY public.unsubscriptions
    ADD CONSTRAINT pk_unsubscriptions PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_email UNIQUE (email);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_fs_uniquifier UNIQUE (fs_uniquifier);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_fs_webauthn_user_handle UNIQUE (fs_webauthn_user_handle);

ALTER TABLE ONLY public.bounces
    ADD CONSTRAINT uq_bounces_digest UNIQUE (digest);

ALTER TABLE ONLY public.consent_wordings
    ADD CONSTRAINT uq_consent_wordings_version_language_text UNIQUE (version, language, text);

ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT uq_deliveries_kind_subject_id_generation UNIQUE (kind, subject_id, generation);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT uq_passkeys_credential_id UNIQUE (credential_id);

ALTER TABLE ONLY public.petitions
    ADD CONSTRAINT uq_petitions_slug UNIQUE (slug);

ALTER TABLE ONLY public.signatures
    ADD CONSTRAINT uq_signatures_petition_id_party_email_canonical UNIQUE (petition_id, party, email_canonical);

ALTER TABLE ONLY public.unsubscriptions
    ADD CONSTRAINT uq_unsubscriptions_mailing_id_delivery_id UNIQUE (mailing_id, delivery_id);

CREATE INDEX ix_attempts_delivery ON public.attempts USING btree (delivery_id);

CREATE INDEX ix_attempts_ended ON public.attempts USING brin (ended_at);

CREATE INDEX ix_audit_events_action ON public.audit_events USING btree (action, id DESC);

CREATE INDEX ix_audit_events_actor ON public.audit_events USING btree (actor, id DESC);

CREATE INDEX ix_audit_events_subject ON public.audit_events USING btree (subject, subject_id, id);

CREATE INDEX ix_bounces_address ON public.bounces USING btree (address_hash, at) WHERE ((kind)::text = 'soft'::text);

CREATE INDEX ix_bounces_at ON public.bounces USING btree (at);

CREATE INDEX ix_bounces_delivery ON public.bounces USING btree (delivery_id);

CREATE INDEX ix_bounces_mailing ON public.bounces USING btree (mailing_id, kind) WHERE (mailing_id IS NOT NULL);

CREATE INDEX ix_bounces_unread ON public.bounces USING btree (id) WHERE (((kind)::text = 'not_understood'::text) AND (read_at IS NULL));

CREATE INDEX ix_campaign_figures_nobody ON public.campaign_figures USING btree (petition_id) WHERE (n = 0);

CREATE INDEX ix_campaign_figures_top ON public.campaign_figures USING btree (petition_id, dimension, n DESC, value);

CREATE INDEX ix_deliveries_leased ON public.deliveries USING btree (lease_until) WHERE ((state)::text = 'sending'::text);

CREATE INDEX ix_deliveries_mailing ON public.deliveries USING btree (mailing_id, state, id) WHERE (mailing_id IS NOT NULL);

CREATE INDEX ix_deliveries_mailing_waiting ON public.deliveries USING btree (mailing_id, next_attempt_at) WHERE ((mailing_id IS NOT NULL) AND ((state)::text = ANY ((ARRAY['due'::character varying, 'deferred'::character varying])::text[])));

CREATE INDEX ix_deliveries_subject ON public.deliveries USING btree (subject_id, created_at);

CREATE INDEX ix_deliveries_trouble ON public.deliveries USING btree (lane, state, cause, COALESCE(domain, ''::character varying), tried_at, id) WHERE ((state)::text = ANY ((ARRAY['deferred'::character varying, 'failed'::character varying, 'unknown'::character varying])::text[]));

CREATE INDEX ix_deliveries_waiting ON public.deliveries USING btree (lane, next_attempt_at) WHERE ((state)::text = ANY ((ARRAY['due'::character varying, 'deferred'::character varying])::text[]));

CREATE INDEX ix_failure_groups_n ON public.failure_groups USING btree (n);

CREATE INDEX ix_mailing_tests_mailing_id ON public.mailing_tests USING btree (mailing_id);

CREATE INDEX ix_mailings_active ON public.mailings USING btree (state) WHERE ((state)::text <> ALL ((ARRAY['sent'::character varying, 'cancelled'::character varying])::text[]));

CREATE INDEX ix_paper_imports_petition ON public.paper_imports USING btree (petition_id, id);

CREATE INDEX ix_paper_signatures_import ON public.paper_signatures USING btree (import_id, line);

CREATE INDEX ix_paper_signatures_name ON public.paper_signatures USING btree (petition_id, lower((name)::text));

CREATE INDEX ix_passkeys_user_id ON public.passkeys USING btree (user_id);

CREATE INDEX ix_run_rows_done ON public.run_rows USING btree (subject_id) WHERE (done_at IS NOT NULL);

CREATE INDEX ix_runs_running ON public.runs USING btree (id) WHERE ((state)::text = 'running'::text);

CREATE INDEX ix_runs_undoes ON public.runs USING btree (undoes) WHERE (undoes IS NOT NULL);

CREATE INDEX ix_saved_searches_created_at ON public.saved_searches USING btree (created_at);

CREATE INDEX ix_signatures_confirmed ON public.signatures USING btree (confirmed_at, id) WHERE (confirmed_at IS NOT NULL);

CREATE INDEX ix_signatures_created ON public.signatures USING btree (created_at, id);

CREATE INDEX ix_signatures_domain ON public.signatures USING btree (split_part((email_canonical)::text, '@'::text, '-1'::integer), id);

CREATE INDEX ix_signatures_email ON public.signatures USING btree (lower((email)::text) text_pattern_ops);

CREATE INDEX ix_signatures_email_canonical ON public.signatures USING btree (email_canonical);

CREATE INDEX ix_signatures_list ON public.signatures USING btree (petition_id, confirmed_no) WHERE (((state)::text = 'confirmed'::text) AND listed);

CREATE INDEX ix_signatures_name ON public.signatures USING btree (lower((name)::text) text_pattern_ops);

CREATE INDEX ix_signatures_network ON public.signatures USING btree (network, id) WHERE (network IS NOT NULL);

CREATE INDEX ix_signatures_network_kept ON public.signatures USING btree (requested_at) WHERE (network IS NOT NULL);

CREATE INDEX ix_signatures_organisations ON public.signatures USING btree (petition_id, organisation, confirmed_no) WHERE (((state)::text = 'confirmed'::text) AND listed AND ((party)::text = 'organisation'::text));

CREATE INDEX ix_signatures_pending ON public.signatures USING btree (requested_at) WHERE ((state)::text = 'pending'::text);

CREATE INDEX ix_signatures_petition ON public.signatures USING btree (petition_id, id);

CREATE INDEX ix_signatures_profession ON public.signatures USING btree (lower((profession)::text) text_pattern_ops);

CREATE INDEX ix_signatures_state ON public.signatures USING btree (state, id);

CREATE INDEX ix_signatures_updates ON public.signatures USING btree (petition_id, email_canonical) WHERE (((state)::text = 'confirmed'::text) AND updates);

CREATE INDEX ix_signatures_words ON public.signatures USING gin (to_tsvector('simple'::regconfig, (((name)::text || ' '::text) || (COALESCE(organisation, ''::character varying))::text)));

CREATE TRIGGER campaign_sent AFTER UPDATE ON public.deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_campaign_deliveries();

CREATE TRIGGER log_deleted AFTER DELETE ON public.signatures REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_signatures_deleted();

CREATE TRIGGER log_inserted AFTER INSERT ON public.signatures REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_signatures_inserted();

CREATE TRIGGER log_updated AFTER UPDATE ON public.signatures FOR EACH ROW EXECUTE FUNCTION public.log_signature_updated();

CREATE TRIGGER tally_deleted AFTER DELETE ON public.deliveries REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tally_deliveries();

CREATE TRIGGER tally_inserted AFTER INSERT ON public.deliveries REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tally_deliveries();

CREATE TRIGGER tally_mailings_deleted AFTER DELETE ON public.deliveries REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tally_mailings();

CREATE TRIGGER tally_mailings_inserted AFTER INSERT ON public.deliveries REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tally_mailings();

CREATE TRIGGER tally_mailings_updated AFTER UPDATE ON public.deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tally_mailings();

CREATE TRIGGER tally_updated AFTER UPDATE ON public.deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tally_deliveries();

ALTER TABLE ONLY public.campaign_figures
    ADD CONSTRAINT fk_campaign_figures_petition_id FOREIGN KEY (petition_id) REFERENCES public.petitions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.campaign_hours
    ADD CONSTRAINT fk_campaign_hours_petition_id FOREIGN KEY (petition_id) REFERENCES public.petitions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mailing_tests
    ADD CONSTRAINT fk_mailing_tests_mailing_id FOREIGN KEY (mailing_id) REFERENCES public.mailings(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mailing_texts
    ADD CONSTRAINT fk_mailing_texts_mailing_id FOREIGN KEY (mailing_id) REFERENCES public.mailings(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.paper_imports
    ADD CONSTRAINT fk_paper_imports_petition_id FOREIGN KEY (petition_id) REFERENCES public.petitions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.paper_signatures
    ADD CONSTRAINT fk_paper_signatures_import_id FOREIGN KEY (import_id) REFERENCES public.paper_imports(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.paper_signatures
    ADD CONSTRAINT fk_paper_signatures_petition_id FOREIGN KEY (petition_id) REFERENCES public.petitions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT fk_passkeys_user_id FOREIGN KEY (user_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.petition_counts
    ADD CONSTRAINT fk_petition_counts_petition_id FOREIGN KEY (petition_id) REFERENCES public.petitions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.petition_texts
    ADD CONSTRAINT fk_petition_texts_petition_id FOREIGN KEY (petition_id) REFERENCES public.petitions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run_rows
    ADD CONSTRAINT fk_run_rows_run_id FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT fk_runs_undoes FOREIGN KEY (undoes) REFERENCES public.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.saved_searches
    ADD CONSTRAINT fk_saved_searches_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.unsubscriptions
    ADD CONSTRAINT fk_unsubscriptions_mailing_id FOREIGN KEY (mailing_id) REFERENCES public.mailings(id) ON DELETE CASCADE;

INSERT INTO public.alembic_version VALUES ('0012');
