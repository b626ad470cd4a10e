"""Names that are withheld until enough have signed: choice, promise, rule, and how many wait."""

from alembic import op

revision = "0048"
down_revision = "0047"
# Nothing is withheld until a petition offers it, which older code cannot set; nor can it write a name that is withheld,
# as the constraint refuses it.
compatible_from = "0042"

# All that means the same as a profession of a petition: its own key, and the keys of the forms of the same line of the
# lists that the petition suggests ("Avocate / avocat"), also in its other languages if their lists are as long.
PROFESSION_KEYS_SQL = """
    CREATE FUNCTION profession_keys(petition bigint, profession text) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
        WITH forms AS (
            SELECT cardinality(t.professions) AS lines, l.number, collation_key(btrim(f.form)) AS key
            FROM petition_texts AS t
                CROSS JOIN LATERAL unnest(t.professions) WITH ORDINALITY AS l (line, number)
                CROSS JOIN LATERAL regexp_split_to_table(l.line, ' / ') AS f (form)
            WHERE t.petition_id = $1
        )
        SELECT coalesce(
            (SELECT array_agg(DISTINCT same.key ORDER BY same.key)
             FROM forms AS known JOIN forms AS same USING (lines, number)
             WHERE known.key = collation_key($2)),
            ARRAY[collation_key($2)])
    $$
"""

# The rule. Those who count are people who confirmed by email: neither organisations nor paper, which the team enters.
# At most `needed` rows are read for a profession.
ENOUGH_SIGNED_SQL = """
    CREATE FUNCTION enough_signed(petition bigint, named_when text, needed bigint, profession text) RETURNS boolean
    LANGUAGE sql STABLE AS $$
        SELECT CASE $2
            WHEN 'total' THEN
                (SELECT coalesce(sum(people), 0) >= $3 FROM petition_counts WHERE petition_id = $1)
            WHEN 'profession' THEN coalesce($4, '') <> '' AND
                (SELECT count(*) >= $3 FROM (
                    SELECT FROM signatures AS s
                    WHERE s.petition_id = $1 AND s.state = 'confirmed' AND s.party = 'person'
                        AND collation_key(s.profession) = ANY(profession_keys($1, $4))
                    LIMIT $3) AS colleagues)
            ELSE false
        END
    $$
"""
GUARD_SQL = (
    """
    CREATE FUNCTION guard_withheld_name() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.state = 'confirmed' AND NEW.restricted_at IS NULL
            AND enough_signed(NEW.petition_id, NEW.named_when, NEW.named_from, NEW.profession) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'the name of signature % is withheld: not enough have signed', NEW.id
            USING ERRCODE = 'check_violation';
    END $$
    """,
    # Runs for a statement that sets `named_at`: that which shows names, and no other.
    """
    CREATE TRIGGER guard_withheld_name BEFORE UPDATE OF named_at ON signatures
    FOR EACH ROW WHEN (NEW.named_at IS NOT NULL AND OLD.named_at IS NULL) EXECUTE FUNCTION guard_withheld_name()
    """,
)


def upgrade() -> None:
    """Add the columns without a rewrite, the rule, and the table of how many wait."""
    op.execute("""
        ALTER TABLE petitions
            ADD COLUMN named_total BIGINT,
            ADD COLUMN named_profession BIGINT,
            ADD COLUMN team_sees_withheld BOOLEAN DEFAULT false NOT NULL
    """)
    op.execute("""
        ALTER TABLE sign_requests
            ADD COLUMN named_when VARCHAR(12),
            ADD COLUMN named_from BIGINT,
            ADD COLUMN team_sees_name BOOLEAN DEFAULT false NOT NULL
    """)
    op.execute("""
        ALTER TABLE signatures
            ADD COLUMN named_when VARCHAR(12),
            ADD COLUMN named_from BIGINT,
            ADD COLUMN named_at TIMESTAMP WITH TIME ZONE,
            ADD COLUMN withheld_name VARCHAR(120),
            ADD COLUMN team_sees_name BOOLEAN DEFAULT false NOT NULL,
            ADD CONSTRAINT ck_signatures_named_when
                CHECK (named_when IN ('total', 'profession', 'never')) NOT VALID,
            -- Until it may be shown, a name is where nothing looks for one.
            ADD CONSTRAINT ck_signatures_withheld
                CHECK (named_when IS NULL OR named_at IS NOT NULL OR (name = '' AND NOT listed)) NOT VALID,
            ADD CONSTRAINT ck_signatures_withheld_name
                CHECK (withheld_name IS NULL OR (named_when IS NOT NULL AND named_at IS NULL)) NOT VALID
    """)
    for constraint in ("named_when", "withheld", "withheld_name"):
        op.execute(f"ALTER TABLE signatures VALIDATE CONSTRAINT ck_signatures_{constraint}")
    op.execute("""
        CREATE TABLE withheld_counts (
            petition_id BIGINT NOT NULL,
            named_when VARCHAR(12) NOT NULL,
            named_from BIGINT NOT NULL,
            profession_key VARCHAR(120) NOT NULL,
            profession VARCHAR(120),
            waiting BIGINT NOT NULL,
            CONSTRAINT pk_withheld_counts PRIMARY KEY (petition_id, named_when, named_from, profession_key),
            CONSTRAINT fk_withheld_counts_petition_id
                FOREIGN KEY (petition_id) REFERENCES petitions (id) ON DELETE CASCADE
        )
    """)
    op.execute(PROFESSION_KEYS_SQL)
    op.execute(ENOUGH_SIGNED_SQL)
    for statement in GUARD_SQL:
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_signatures_withheld")
        op.execute("""
            CREATE INDEX CONCURRENTLY ix_signatures_withheld ON signatures (petition_id, named_when, named_from)
            WHERE withheld_name IS NOT NULL AND state = 'confirmed'
        """)
