"""The SQL of signals. Each statement reads at most `max_rows` of a petition's newest signatures, or a sample by id."""

from sqlalchemy import text

# Petitions that anybody signed since a moment.
SELECT_ACTIVE_PETITIONS = text("""
    SELECT id FROM petitions AS p
    WHERE state = 'open' AND EXISTS (
        SELECT FROM signatures AS s WHERE s.petition_id = p.id AND s.created_at > :since AND s.id >= (
            SELECT min(id) FROM (
                SELECT id FROM signatures WHERE petition_id = p.id ORDER BY id DESC LIMIT 100) AS newest))
""")

# The lowest id of the window: of the newest rows, those since a moment. No row outside of it is held by a rule.
SELECT_FIRST_ID = text("""
    SELECT min(id) AS first_id, count(*) AS n FROM (
        SELECT id, created_at FROM signatures WHERE petition_id = :petition_id ORDER BY id DESC LIMIT :max_rows
    ) AS newest
    WHERE created_at > :since AND created_at <= :now
""")

# How many signatures of the window are at each domain. `held`: quarantined; the others of `confirmed` count.
COUNT_BY_DOMAIN = text("""
    SELECT split_part(s.email_canonical, '@', -1) AS domain, d.provider,
        count(*) AS n, count(*) FILTER (WHERE s.state IN ('confirmed', 'quarantined')) AS confirmed,
        count(*) FILTER (WHERE s.state = 'confirmed') AS counted,
        min(s.created_at) AS first_at, max(s.created_at) AS last_at
    FROM signatures AS s LEFT JOIN mail_domains AS d ON d.domain = split_part(s.email_canonical, '@', -1)
    WHERE s.petition_id = :petition_id AND s.id >= :first_id AND s.state IN ('pending', 'confirmed', 'quarantined')
    GROUP BY 1, 2 ORDER BY n DESC LIMIT :max_groups
""")

# Networks that many signatures of the window came from.
COUNT_BY_NETWORK = text("""
    SELECT network AS key,
        count(*) AS n, count(*) FILTER (WHERE state IN ('confirmed', 'quarantined')) AS confirmed,
        count(*) FILTER (WHERE state = 'confirmed') AS counted,
        min(created_at) AS first_at, max(created_at) AS last_at
    FROM signatures
    WHERE petition_id = :petition_id AND id >= :first_id AND state IN ('pending', 'confirmed', 'quarantined')
        AND network IS NOT NULL
    GROUP BY 1 HAVING count(*) >= :minimum ORDER BY n DESC LIMIT :max_groups
""")

# Mailboxes in several spellings: addresses that are the same without dots and without what follows a +. A mailbox is
# told apart by a hash, which the caller keys.
COUNT_BY_MAILBOX = text("""
    SELECT md5(replace(split_part(split_part(email_canonical, '@', 1), '+', 1), '.', '') || '@'
            || split_part(email_canonical, '@', -1)) AS key,
        count(*) AS n, count(*) FILTER (WHERE state IN ('confirmed', 'quarantined')) AS confirmed,
        count(*) FILTER (WHERE state = 'confirmed') AS counted,
        count(DISTINCT collation_key(name)) AS names,
        min(created_at) AS first_at, max(created_at) AS last_at, array_agg(id ORDER BY id DESC) AS ids
    FROM signatures
    WHERE petition_id = :petition_id AND id >= :first_id AND state IN ('pending', 'confirmed', 'quarantined')
        AND party = 'person'
    GROUP BY 1 HAVING count(*) >= :minimum ORDER BY n DESC LIMIT :max_groups
""")

# The newest signatures of the window at some domains, or from a network.
SELECT_IDS_BY_DOMAIN = text("""
    SELECT id, state FROM signatures
    WHERE petition_id = :petition_id AND id >= :first_id AND state IN ('pending', 'confirmed', 'quarantined')
        AND split_part(email_canonical, '@', -1) = ANY(CAST(:keys AS text[]))
    ORDER BY id DESC LIMIT :max_rows
""")
SELECT_IDS_BY_NETWORK = text("""
    SELECT id, state FROM signatures
    WHERE petition_id = :petition_id AND id >= :first_id AND state IN ('pending', 'confirmed', 'quarantined')
        AND network = ANY(CAST(:keys AS text[]))
    ORDER BY id DESC LIMIT :max_rows
""")

# Those of some signatures that count, and were never released by the team.
SELECT_COUNTED = text("""
    SELECT id FROM signatures WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'confirmed' AND restricted_at IS NULL
        AND anonymised_at IS NULL AND (quarantined_by IS NULL OR quarantined_at IS NOT NULL)
    ORDER BY id
""")

# What a sample of signatures did. All times are compared with :now.
#   settled/quick: signed three minutes ago or earlier, and of those confirmed within three minutes; `old_*`: the same
#       of ten minutes. Who never confirms is settled and not quick: machines leave nobody out.
#   known/same: of the confirmations whose network is known, those from where it was signed.
#   networks, top_network: how many there are, and how many signatures the most frequent one has.
#   copied: the name is that of somebody else in the public list, who is not in the sample.
#   unrelated: no word of the name is in the address, neither its beginning; of names with a long word.
#   box_*: of each answer to the two boxes (news, list), how many gave it.
#   dispersion: variance of the number of signatures in equal slices of time, by their mean. People come in bursts: 1
#       and above; below a third is a clock.
PROFILE = text("""
    WITH members AS (
        SELECT id, party, state, collation_key(name) AS name_key, network, confirmed_same_network, updates, listed,
            created_at, requested_at, confirmed_at,
            collation_key(split_part(email_canonical, '@', 1)) AS local
        FROM signatures WHERE id = ANY(CAST(:ids AS bigint[]))
    ),
    -- Materialised: each is computed once, not for each member as a planner without statistics would have it.
    networks AS MATERIALIZED (
        SELECT count(*) AS networks, max(n) AS top_network FROM (
            SELECT count(*) AS n FROM members WHERE network IS NOT NULL GROUP BY network) AS by_network
    ),
    span AS (
        SELECT extract(epoch FROM min(created_at)) AS low, extract(epoch FROM max(created_at)) AS high,
            greatest(count(*) / 5, 1) AS slices FROM members
    ),
    slices AS MATERIALIZED (
        SELECT sum(n * n) AS squares, sum(n) AS n FROM (
            SELECT count(*) AS n FROM members, span WHERE high > low
            GROUP BY width_bucket(extract(epoch FROM created_at), low, high + 0.001, CAST(slices AS integer))) AS counts
    ),
    copies AS MATERIALIZED (
        SELECT count(*) AS copied FROM members AS m
        -- One look-up in the index of listed names for each: as a join, it would be planned from statistics, which know
        -- nothing of what was signed since, and could compare each name with every other.
        WHERE m.party = 'person' AND m.name_key <> '' AND (
            SELECT true FROM signatures AS o
            WHERE o.petition_id = :petition_id AND o.state = 'confirmed' AND o.listed
                AND (o.review IS NULL OR o.review = 'approved') AND o.party = 'person'
                AND collation_key(o.name) COLLATE "C" = m.name_key AND o.id <> ALL(CAST(:ids AS bigint[]))
            LIMIT 1)
    ),
    shapes AS MATERIALIZED (
        SELECT count(*) AS named, count(*) FILTER (WHERE NOT EXISTS (
            SELECT FROM regexp_split_to_table(m.name_key, '[^[:alpha:]]+') AS word
            WHERE length(word) >= 3 AND strpos(m.local, left(word, 5)) > 0)) AS unrelated
        FROM members AS m WHERE m.name_key ~ '[[:alpha:]]{3}'
    )
    SELECT count(*) AS n,
        count(*) FILTER (WHERE state <> 'pending') AS confirmed,
        count(*) FILTER (WHERE requested_at <= CAST(:now AS timestamptz) - interval '3 minutes') AS settled,
        count(*) FILTER (WHERE requested_at <= CAST(:now AS timestamptz) - interval '3 minutes'
            AND confirmed_at <= requested_at + interval '3 minutes') AS quick,
        count(*) FILTER (WHERE requested_at <= CAST(:now AS timestamptz) - interval '10 minutes') AS old_settled,
        count(*) FILTER (WHERE requested_at <= CAST(:now AS timestamptz) - interval '10 minutes'
            AND confirmed_at <= requested_at + interval '10 minutes') AS old_quick,
        count(confirmed_same_network) AS known, count(*) FILTER (WHERE confirmed_same_network) AS same,
        count(network) AS networked, networks.networks, coalesce(networks.top_network, 0) AS top_network,
        count(*) FILTER (WHERE updates AND listed) AS box_both,
        count(*) FILTER (WHERE updates AND NOT listed) AS box_updates,
        count(*) FILTER (WHERE listed AND NOT updates) AS box_listed,
        count(*) FILTER (WHERE NOT listed AND NOT updates) AS box_none,
        copies.copied, shapes.named, shapes.unrelated,
        coalesce(slices.squares / nullif(slices.n, 0) - slices.n / nullif(span.slices, 0), 0) AS dispersion, span.slices
    FROM members, networks, span, slices, copies, shapes
    GROUP BY networks.networks, networks.top_network, copies.copied, shapes.named, shapes.unrelated, slices.squares,
        slices.n, span.slices
""")

SAVE_CLUSTER = text("""
    INSERT INTO integrity_clusters AS c (
        petition_id, kind, key, signatures, confirmed, share, first_at, last_at, signals, sample, noted_at
    )
    VALUES (
        :petition_id, :kind, :key, :signatures, :confirmed, :share, :first_at, :last_at, CAST(:signals AS jsonb),
        CAST(:sample AS jsonb), :now
    )
    ON CONFLICT (petition_id, kind, key) DO UPDATE
    SET signatures = excluded.signatures, confirmed = excluded.confirmed, share = excluded.share,
        first_at = least(c.first_at, excluded.first_at), last_at = excluded.last_at, signals = excluded.signals,
        sample = excluded.sample, noted_at = excluded.noted_at
    RETURNING id, held_at, ignored_at
""")

# Signatures that were quarantined, then withdrawn and signed again: neither is a way out.
SELECT_RETURNED = text("""
    SELECT id, quarantined_by FROM signatures
    WHERE quarantined_at IS NOT NULL AND state = 'confirmed' AND restricted_at IS NULL AND anonymised_at IS NULL
    ORDER BY id LIMIT :max_rows
""")

# Domains of the newest signatures whose mail server is not known, or was asked for more than a day ago.
SELECT_UNKNOWN_DOMAINS = text("""
    SELECT DISTINCT split_part(s.email_canonical, '@', -1) AS domain
    FROM (SELECT email_canonical FROM signatures ORDER BY id DESC LIMIT :max_rows) AS s
    WHERE NOT EXISTS (
        SELECT FROM mail_domains AS d
        WHERE d.domain = split_part(s.email_canonical, '@', -1) AND d.expires_at > now())
    LIMIT :max_domains
""")

# By hour, the signatures of a petition at the domains, or from the networks, that most came from.
TRENDING = text("""
    WITH recent AS MATERIALIZED (
        SELECT date_trunc('hour', created_at, 'UTC') AS hour,
            CASE WHEN CAST(:by_network AS boolean) THEN network ELSE split_part(email_canonical, '@', -1) END AS key
        FROM (
            SELECT created_at, network, email_canonical FROM signatures
            WHERE petition_id = :petition_id ORDER BY id DESC LIMIT :max_rows) AS newest
        WHERE created_at > CAST(:now AS timestamptz) - interval '48 hours' AND created_at <= :now
    ),
    top AS (
        SELECT key, count(*) AS n FROM recent
        WHERE key IS NOT NULL AND key <> ALL(CAST(:without AS text[]))
        GROUP BY key ORDER BY n DESC, key LIMIT :max_groups
    )
    SELECT r.hour, t.key, count(*) AS n, t.n AS total
    FROM recent AS r JOIN top AS t USING (key) GROUP BY 1, 2, 4 ORDER BY total DESC, 2, 1
""")

COUNT_CLUSTERS = text("""
    SELECT count(*) FILTER (WHERE held_at IS NOT NULL) AS held,
        count(*) FILTER (WHERE held_at IS NULL AND signals <> '{}') AS watched
    FROM integrity_clusters WHERE ignored_at IS NULL AND last_at > now() - interval '24 hours'
""")

# By petition, how much rules began to hold since a moment: the largest cluster, as one signature may be in several.
COUNT_HELD_SINCE = text("""
    SELECT petition_id, max(confirmed) AS signatures FROM integrity_clusters
    WHERE held_at >= :since AND ignored_at IS NULL GROUP BY petition_id
""")

# Note since when a cluster is quarantined.
MARK_HELD = text("UPDATE integrity_clusters SET held_at = :now WHERE id = :id")
