-- From the schema of revision 0012 to the names of today; functions and triggers are created afresh by 0013_functions.sql.

DROP TRIGGER tally_inserted ON deliveries;
DROP TRIGGER tally_updated ON deliveries;
DROP TRIGGER tally_deleted ON deliveries;
DROP TRIGGER tally_mailings_inserted ON deliveries;
DROP TRIGGER tally_mailings_updated ON deliveries;
DROP TRIGGER tally_mailings_deleted ON deliveries;
DROP TRIGGER campaign_sent ON deliveries;
DROP TRIGGER log_inserted ON signatures;
DROP TRIGGER log_updated ON signatures;
DROP TRIGGER log_deleted ON signatures;
DROP FUNCTION tally_deliveries();
DROP FUNCTION tally_mailings();
DROP FUNCTION log_campaign_deliveries();
DROP FUNCTION log_signatures_inserted();
DROP FUNCTION log_signature_updated();
DROP FUNCTION log_signatures_deleted();
DROP FUNCTION wait_bucket(interval);
DROP FUNCTION reason_class(text);

ALTER TABLE holds RENAME TO pauses;
ALTER TABLE tally_log RENAME TO state_change_log;
ALTER TABLE depths RENAME TO state_counts;
ALTER TABLE minute_tallies RENAME TO minute_rollups;
ALTER TABLE domain_tallies RENAME TO domain_rollups;
ALTER TABLE campaign_figures RENAME TO campaign_statistics;
ALTER TABLE runs RENAME TO bulk_actions;
ALTER TABLE run_rows RENAME TO bulk_action_rows;

ALTER TABLE deliveries RENAME lane TO queue;
ALTER TABLE state_change_log RENAME lane TO queue;
ALTER TABLE state_counts RENAME lane TO queue;
ALTER TABLE failure_groups RENAME lane TO queue;
ALTER TABLE minute_rollups RENAME lane TO queue;
ALTER TABLE totals RENAME lane TO queue;
ALTER TABLE heartbeats RENAME lanes TO queues;
ALTER TABLE attempts RENAME rung_at TO woken_at;
ALTER TABLE attempts RENAME rung_by TO woken_by;
ALTER TABLE attempts RENAME words TO response;
ALTER TABLE bounces RENAME words TO response;
ALTER TABLE probes RENAME words TO response;
ALTER TABLE bulk_action_rows RENAME run_id TO action_id;
ALTER TABLE mailings RENAME speed TO sent_samples;
ALTER TABLE mailings RENAME judged_from TO limits_baseline;
ALTER TABLE mailings DROP COLUMN frozen_to;

ALTER TABLE pauses RENAME CONSTRAINT pk_holds TO pk_pauses;
ALTER TABLE state_change_log RENAME CONSTRAINT pk_tally_log TO pk_state_change_log;
ALTER TABLE state_counts RENAME CONSTRAINT pk_depths TO pk_state_counts;
ALTER TABLE minute_rollups RENAME CONSTRAINT pk_minute_tallies TO pk_minute_rollups;
ALTER TABLE domain_rollups RENAME CONSTRAINT pk_domain_tallies TO pk_domain_rollups;
ALTER TABLE campaign_statistics RENAME CONSTRAINT pk_campaign_figures TO pk_campaign_statistics;
ALTER TABLE campaign_statistics RENAME CONSTRAINT fk_campaign_figures_petition_id TO fk_campaign_statistics_petition_id;
ALTER TABLE bulk_actions RENAME CONSTRAINT pk_runs TO pk_bulk_actions;
ALTER TABLE bulk_actions RENAME CONSTRAINT ck_runs_state TO ck_bulk_actions_state;
ALTER TABLE bulk_actions RENAME CONSTRAINT fk_runs_undoes TO fk_bulk_actions_undoes;
ALTER TABLE bulk_action_rows RENAME CONSTRAINT pk_run_rows TO pk_bulk_action_rows;
ALTER TABLE bulk_action_rows RENAME CONSTRAINT fk_run_rows_run_id TO fk_bulk_action_rows_action_id;
ALTER INDEX ix_campaign_figures_nobody RENAME TO ix_campaign_statistics_nobody;
ALTER INDEX ix_campaign_figures_top RENAME TO ix_campaign_statistics_top;
ALTER INDEX ix_runs_running RENAME TO ix_bulk_actions_running;
ALTER INDEX ix_runs_undoes RENAME TO ix_bulk_actions_undoes;
ALTER INDEX ix_run_rows_done RENAME TO ix_bulk_action_rows_done;

UPDATE deliveries SET queue = 'notifications' WHERE queue = 'notices';
UPDATE state_change_log SET queue = 'notifications' WHERE queue = 'notices';
UPDATE state_counts SET queue = 'notifications' WHERE queue = 'notices';
UPDATE failure_groups SET queue = 'notifications' WHERE queue = 'notices';
UPDATE minute_rollups SET queue = 'notifications' WHERE queue = 'notices';
UPDATE totals SET queue = 'notifications' WHERE queue = 'notices';
UPDATE pauses SET scope = 'notifications' WHERE scope = 'notices';
UPDATE attempts SET woken_by = 'wakeup' WHERE woken_by = 'doorbell';
UPDATE bulk_actions SET filter = filter - 'lane' || jsonb_build_object('queue',
    CASE filter->>'lane' WHEN 'notices' THEN 'notifications' ELSE filter->>'lane' END) WHERE filter ? 'lane';
-- Each process writes its own again within a second.
DELETE FROM heartbeats;

ALTER SEQUENCE group_actions_id_seq RENAME TO bulk_actions_id_seq;
ALTER SEQUENCE tally_log_id_seq RENAME TO state_change_log_id_seq;
