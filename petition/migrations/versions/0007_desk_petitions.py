"""The desk for petitions: versions, a campaign's figures kept by triggers, paper signatures, organisations in order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0005"

WHO = "{0}.source, {0}.locale, {0}.profession, {0}.city, {0}.postal_code, {0}.country, {0}.confirmed_at"
COLUMNS = "petition_id, hour, submitted, mailed, reached, counted, source, language, profession, city, area, country"
# Of a signature that counts. A postal code's first two characters are an area: a department, in France.
COUNTED = """
    {0}.petition_id, date_trunc('hour', coalesce({0}.confirmed_at, {0}.created_at), 'UTC'), 0, 0, {reached}, {counted},
    {0}.source, {0}.locale, coalesce({0}.profession, ''), coalesce({0}.city, ''),
    upper(left(translate(coalesce({0}.postal_code, ''), ' -', ''), 2)), coalesce({0}.country, '')
"""
BY = "GROUP BY 1, 2, 7, 8, 9, 10, 11, 12"
NOBODY = "NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar, NULL::varchar"
SUBMITTED = f"SELECT petition_id, date_trunc('hour', created_at, 'UTC'), count(*), 0, 0, 0, {NOBODY}"

FUNCTIONS = f"""
CREATE FUNCTION log_campaign_signatures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Each branch names the transition tables that its trigger has.
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO campaign_log ({COLUMNS})
        SELECT {COUNTED.format("o", reached="0", counted="-count(*)")}
        FROM old_rows o JOIN new_rows n ON n.id = o.id
        WHERE o.state = 'confirmed' AND (n.state <> 'confirmed' OR ({WHO.format("o")}) IS DISTINCT FROM ({WHO.format("n")}))
        {BY}
        UNION ALL
        SELECT {COUNTED.format("n", reached="count(*) FILTER (WHERE o.state = 'pending')", counted="count(*)")}
        FROM old_rows o JOIN new_rows n ON n.id = o.id
        WHERE n.state = 'confirmed' AND (o.state <> 'confirmed' OR ({WHO.format("o")}) IS DISTINCT FROM ({WHO.format("n")}))
        {BY}
        UNION ALL
        -- Who withdrew and signs again goes the same way a second time: one signature, one way.
        SELECT n.petition_id, NULL, 0, 0, -count(*), 0, {NOBODY}
        FROM old_rows o JOIN new_rows n ON n.id = o.id
        WHERE o.state = 'withdrawn' AND n.state = 'pending' GROUP BY 1;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO campaign_log ({COLUMNS})
        {SUBMITTED} FROM new_rows GROUP BY 1, 2
        UNION ALL
        SELECT {COUNTED.format("n", reached="count(*)", counted="count(*)")}
        FROM new_rows n WHERE n.state = 'confirmed' {BY};
    ELSE
        INSERT INTO campaign_log ({COLUMNS})
        SELECT {COUNTED.format("o", reached="0", counted="-count(*)")}
        FROM old_rows o WHERE o.state = 'confirmed' {BY};
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION log_campaign_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The first link that left for a signature; what was sent before is asked only for the few that were sent several.
    INSERT INTO campaign_log ({COLUMNS})
    SELECT n.petition_id, NULL, 0, count(*), 0, 0, {NOBODY}
    FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE n.kind = 'confirm_signature' AND n.state = 'sent' AND o.state <> 'sent'
      AND (n.generation = 1 OR NOT EXISTS (
          SELECT FROM deliveries d WHERE d.subject_id = n.subject_id AND d.kind = n.kind AND d.state = 'sent'
          AND d.generation < n.generation))
    GROUP BY 1;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER campaign_inserted AFTER INSERT ON signatures REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_campaign_signatures();
CREATE TRIGGER campaign_updated AFTER UPDATE ON signatures REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_campaign_signatures();
CREATE TRIGGER campaign_deleted AFTER DELETE ON signatures REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_campaign_signatures();
CREATE TRIGGER campaign_sent AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION log_campaign_deliveries();
"""

# What was there before the triggers; later only `petition.operations.reconcile` counts rows.
START = f"""
INSERT INTO campaign_log ({COLUMNS})
{SUBMITTED} FROM signatures GROUP BY 1, 2
UNION ALL
SELECT petition_id, NULL, 0, 0, count(*), 0, {NOBODY}
FROM signatures WHERE state <> 'confirmed' AND confirmed_at IS NOT NULL GROUP BY 1
UNION ALL
SELECT {COUNTED.format("s", reached="count(*)", counted="count(*)")}
FROM signatures s WHERE state = 'confirmed' {BY}
UNION ALL
SELECT petition_id, NULL, 0, count(DISTINCT subject_id), 0, 0, {NOBODY}
FROM deliveries WHERE kind = 'confirm_signature' AND state = 'sent' GROUP BY 1;
"""


def _figures() -> None:
    op.create_table(
        "campaign_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("petition_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True)),
        sa.Column("submitted", sa.BigInteger(), nullable=False),
        sa.Column("mailed", sa.BigInteger(), nullable=False),
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(20)),
        sa.Column("language", sa.String(5)),
        sa.Column("profession", sa.String(120)),
        sa.Column("city", sa.String(120)),
        sa.Column("area", sa.String(20)),
        sa.Column("country", sa.String(2)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_log")),
    )
    op.create_table(
        "campaign_figures",
        sa.Column("petition_id", sa.BigInteger(), nullable=False),
        sa.Column("dimension", sa.String(12), nullable=False),
        sa.Column("value", sa.String(250), nullable=False),
        sa.Column("label", sa.String(120), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["petition_id"], ["petitions.id"], name=op.f("fk_campaign_figures_petition_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("petition_id", "dimension", "value", name=op.f("pk_campaign_figures")),
    )
    op.create_index(
        "ix_campaign_figures_top", "campaign_figures", ["petition_id", "dimension", sa.text("n DESC"), "value"]
    )
    op.create_index("ix_campaign_figures_nobody", "campaign_figures", ["petition_id"], postgresql_where="n = 0")
    op.create_table(
        "campaign_hours",
        sa.Column("petition_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["petition_id"], ["petitions.id"], name=op.f("fk_campaign_hours_petition_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("petition_id", "hour", name=op.f("pk_campaign_hours")),
    )


def _paper() -> None:
    op.create_table(
        "paper_imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("petition_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("asked_by", sa.String(320), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("problems", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True)),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('draft', 'done', 'undone')", name=op.f("ck_paper_imports_state")),
        sa.ForeignKeyConstraint(
            ["petition_id"], ["petitions.id"], name=op.f("fk_paper_imports_petition_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_imports")),
    )
    op.create_index("ix_paper_imports_petition", "paper_imports", ["petition_id", "id"])
    op.create_table(
        "paper_signatures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("petition_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("profession", sa.String(120)),
        sa.Column("city", sa.String(120)),
        sa.Column("postal_code", sa.String(20)),
        sa.Column("signed_on", sa.Date()),
        sa.Column("reference", sa.String(60)),
        sa.ForeignKeyConstraint(
            ["petition_id"], ["petitions.id"], name=op.f("fk_paper_signatures_petition_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["paper_imports.id"], name=op.f("fk_paper_signatures_import_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_signatures")),
    )
    op.create_index("ix_paper_signatures_import", "paper_signatures", ["import_id", "line"])
    op.create_index("ix_paper_signatures_name", "paper_signatures", ["petition_id", sa.text("lower(name)")])


def upgrade() -> None:
    _figures()
    _paper()
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
    op.execute(START)
    # Last, as these shut readers out as well until the end of the transaction, which is now.
    op.add_column("petitions", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    for column in (
        sa.Column("list_position", sa.BigInteger()),
        sa.Column("logo_text", sa.String(60)),
        sa.Column("merged_into", sa.BigInteger()),
    ):
        op.add_column("signatures", column)
