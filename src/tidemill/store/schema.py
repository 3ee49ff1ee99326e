"""The tables, as migrations: each runs once, in order, and is never edited after a release.

Written for both databases; `{words}` are the few that differ (see `dialects.py`).

Shape, and why (more in docs/why.md):

- `names` holds each key of a metric, param or tag once, so that rows hold small integers.
- `metric_log` takes every logging call as one row of packed points; `metric_blocks` holds the same points sorted by
  series, in blocks, after compaction; `metric_latest` holds the newest point of each series for search and display.
- `runs.rev` moves with every change of a run, so that ready-made answers can be kept and known to be current.
- Rows of a run carry its `experiment_id` where an index starts with it.
"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE experiments (
            id {serial} PRIMARY KEY{autoincrement},
            name {text} NOT NULL UNIQUE,
            artifact_location {text} NOT NULL,
            creation_time BIGINT NOT NULL,
            last_update_time BIGINT NOT NULL,
            deleted_at BIGINT
        )""",
        """CREATE TABLE experiment_tags (
            experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
            key {text} NOT NULL,
            value {text} NOT NULL,
            PRIMARY KEY (experiment_id, key)
        ){clustered}""",
        """CREATE TABLE names (
            id {serial} PRIMARY KEY{autoincrement},
            name {text} NOT NULL UNIQUE
        )""",
        """CREATE TABLE runs (
            pk {serial} PRIMARY KEY{autoincrement},
            run_id {text} NOT NULL UNIQUE,
            experiment_id BIGINT NOT NULL REFERENCES experiments (id),
            name {text} NOT NULL,
            user_id {text} NOT NULL,
            status SMALLINT NOT NULL,
            start_time BIGINT NOT NULL,
            end_time BIGINT,
            artifact_uri {text} NOT NULL,
            deleted_at BIGINT,
            rev BIGINT NOT NULL DEFAULT 0
        )""",
        "CREATE INDEX runs_by_start ON runs (experiment_id, start_time DESC, run_id)",
        """CREATE TABLE params (
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            name_id BIGINT NOT NULL,
            experiment_id BIGINT NOT NULL,
            value {text} NOT NULL,
            number {double},
            PRIMARY KEY (run_pk, name_id)
        ){clustered}""",
        "CREATE INDEX params_by_value ON params (experiment_id, name_id, substr(value, 1, 100))",
        """CREATE TABLE tags (
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            name_id BIGINT NOT NULL,
            experiment_id BIGINT NOT NULL,
            value {text} NOT NULL,
            PRIMARY KEY (run_pk, name_id)
        ){clustered}""",
        "CREATE INDEX tags_by_value ON tags (experiment_id, name_id, substr(value, 1, 100))",
        """CREATE TABLE metric_latest (
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            name_id BIGINT NOT NULL,
            experiment_id BIGINT NOT NULL,
            value {double},
            timestamp BIGINT NOT NULL,
            step BIGINT NOT NULL,
            PRIMARY KEY (run_pk, name_id)
        ){clustered}""",
        "CREATE INDEX metric_latest_by_value ON metric_latest (experiment_id, name_id, value)",
        """CREATE TABLE metric_log (
            id {serial} PRIMARY KEY{autoincrement},
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            points BIGINT NOT NULL,
            data {blob} NOT NULL
        )""",
        "CREATE INDEX metric_log_by_run ON metric_log (run_pk)",
        """CREATE TABLE metric_blocks (
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            name_id BIGINT NOT NULL,
            seq BIGINT NOT NULL,
            points BIGINT NOT NULL,
            data {blob} NOT NULL
        )""",
        "CREATE UNIQUE INDEX metric_blocks_by_series ON metric_blocks (run_pk, name_id, seq)",
        """CREATE TABLE datasets (
            id {serial} PRIMARY KEY{autoincrement},
            experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
            name {text} NOT NULL,
            digest {text} NOT NULL,
            source_type {text} NOT NULL,
            source {text} NOT NULL,
            schema {text},
            profile {text},
            UNIQUE (experiment_id, name, digest)
        )""",
        """CREATE TABLE run_datasets (
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            dataset_id BIGINT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
            tags {text} NOT NULL,
            context {text},
            PRIMARY KEY (run_pk, dataset_id)
        ){clustered}""",
        "CREATE INDEX run_datasets_by_dataset ON run_datasets (dataset_id)",
        """CREATE TABLE run_models (
            id {serial} PRIMARY KEY{autoincrement},
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            made SMALLINT NOT NULL,
            model_id {text} NOT NULL,
            step BIGINT NOT NULL,
            UNIQUE (run_pk, made, model_id, step)
        )""",
        """CREATE TABLE logged_models (
            pk {serial} PRIMARY KEY{autoincrement},
            model_id {text} NOT NULL UNIQUE,
            experiment_id BIGINT NOT NULL REFERENCES experiments (id),
            name {text} NOT NULL,
            model_type {text} NOT NULL,
            source_run_id {text} NOT NULL,
            artifact_uri {text} NOT NULL,
            status SMALLINT NOT NULL,
            created BIGINT NOT NULL,
            updated BIGINT NOT NULL,
            deleted_at BIGINT
        )""",
        "CREATE INDEX logged_models_by_created ON logged_models (experiment_id, created DESC, model_id)",
        """CREATE TABLE logged_model_params (
            model_pk BIGINT NOT NULL REFERENCES logged_models (pk) ON DELETE CASCADE,
            key {text} NOT NULL,
            value {text} NOT NULL,
            number {double},
            PRIMARY KEY (model_pk, key)
        ){clustered}""",
        """CREATE TABLE logged_model_tags (
            model_pk BIGINT NOT NULL REFERENCES logged_models (pk) ON DELETE CASCADE,
            key {text} NOT NULL,
            value {text} NOT NULL,
            PRIMARY KEY (model_pk, key)
        ){clustered}""",
        """CREATE TABLE logged_model_metrics (
            model_pk BIGINT NOT NULL REFERENCES logged_models (pk) ON DELETE CASCADE,
            key {text} NOT NULL,
            timestamp BIGINT NOT NULL,
            step BIGINT NOT NULL,
            value {double} NOT NULL,
            is_nan SMALLINT NOT NULL,
            run_id {text} NOT NULL,
            dataset_name {text} NOT NULL,
            dataset_digest {text} NOT NULL,
            PRIMARY KEY (model_pk, key, timestamp, step, value, is_nan, run_id, dataset_name, dataset_digest)
        ){clustered}""",
    ),
    (
        """CREATE TABLE run_beats (
            run_pk BIGINT NOT NULL PRIMARY KEY REFERENCES runs (pk) ON DELETE CASCADE,
            beat_at BIGINT NOT NULL,
            interval_s BIGINT NOT NULL
        )""",
    ),
    (
        """CREATE TABLE events (
            id {serial} PRIMARY KEY{autoincrement},
            at BIGINT NOT NULL,
            kind {text} NOT NULL,
            subject {text} NOT NULL,
            data {text} NOT NULL
        )""",
        "CREATE INDEX events_by_subject ON events (subject, id)",
        "CREATE INDEX events_by_kind ON events (kind, id)",
        """CREATE TABLE subscriptions (
            sink {text} NOT NULL PRIMARY KEY,
            position BIGINT NOT NULL,
            active SMALLINT NOT NULL DEFAULT 1,
            lease_owner {text} NOT NULL DEFAULT '',
            lease_until BIGINT NOT NULL DEFAULT 0
        )""",
        """CREATE TABLE deliveries (
            pk {serial} PRIMARY KEY{autoincrement},
            id {text} NOT NULL UNIQUE,
            sink {text} NOT NULL REFERENCES subscriptions (sink) ON DELETE CASCADE,
            event_id BIGINT NOT NULL,
            kind {text} NOT NULL,
            subject {text} NOT NULL,
            body {text} NOT NULL,
            state SMALLINT NOT NULL,
            attempts BIGINT NOT NULL,
            created BIGINT NOT NULL,
            due_at BIGINT NOT NULL,
            ended_at BIGINT,
            log {text} NOT NULL
        )""",
        "CREATE INDEX deliveries_by_sink ON deliveries (sink, pk)",
        "CREATE INDEX deliveries_due ON deliveries (sink, due_at, pk) WHERE state = 0",
        "CREATE INDEX deliveries_in_line ON deliveries (sink, subject, due_at) WHERE state = 0",
        """CREATE TABLE webhooks (
            pk {serial} PRIMARY KEY{autoincrement},
            id {text} NOT NULL UNIQUE,
            name {text} NOT NULL,
            url {text} NOT NULL,
            description {text},
            events {text} NOT NULL,
            kinds {text} NOT NULL,
            status SMALLINT NOT NULL,
            secret {text},
            previous_secret {text},
            previous_until BIGINT NOT NULL DEFAULT 0,
            created BIGINT NOT NULL,
            updated BIGINT NOT NULL
        )""",
        """CREATE TABLE metric_rules (
            id {serial} PRIMARY KEY{autoincrement},
            sink {text} NOT NULL REFERENCES subscriptions (sink) ON DELETE CASCADE,
            experiment_id BIGINT NOT NULL,
            key {text} NOT NULL,
            comparison {text} NOT NULL,
            value {double} NOT NULL
        )""",
        """CREATE TABLE metric_rule_hits (
            rule_id BIGINT NOT NULL REFERENCES metric_rules (id) ON DELETE CASCADE,
            run_pk BIGINT NOT NULL REFERENCES runs (pk) ON DELETE CASCADE,
            PRIMARY KEY (rule_id, run_pk)
        )""",
        "CREATE INDEX runs_running ON runs (pk) WHERE status = 1",
    ),
    (
        """CREATE TABLE registered_models (
            pk {serial} PRIMARY KEY{autoincrement},
            name {text} NOT NULL UNIQUE,
            created BIGINT NOT NULL,
            updated BIGINT NOT NULL,
            user_id {text},
            description {text},
            last_version BIGINT NOT NULL DEFAULT 0,
            prompt SMALLINT NOT NULL DEFAULT 0
        )""",
        "CREATE INDEX registered_models_by_kind ON registered_models (prompt, name)",
        "CREATE INDEX registered_models_by_updated ON registered_models (updated DESC, name)",
        """CREATE TABLE registered_model_tags (
            model_pk BIGINT NOT NULL REFERENCES registered_models (pk) ON DELETE CASCADE,
            key {text} NOT NULL,
            value {text} NOT NULL,
            PRIMARY KEY (model_pk, key)
        ){clustered}""",
        "CREATE INDEX registered_model_tags_by_value ON registered_model_tags (key, substr(value, 1, 100))",
        """CREATE TABLE model_versions (
            pk {serial} PRIMARY KEY{autoincrement},
            model_pk BIGINT NOT NULL REFERENCES registered_models (pk) ON DELETE CASCADE,
            version BIGINT NOT NULL,
            name {text} NOT NULL,
            stage SMALLINT NOT NULL DEFAULT 0,
            created BIGINT NOT NULL,
            updated BIGINT NOT NULL,
            user_id {text},
            description {text},
            source {text} NOT NULL,
            location {text} NOT NULL,
            run_id {text} NOT NULL,
            run_link {text} NOT NULL,
            model_id {text} NOT NULL,
            prompt SMALLINT NOT NULL DEFAULT 0,
            UNIQUE (model_pk, version)
        )""",
        "CREATE UNIQUE INDEX model_versions_by_name ON model_versions (name, version DESC)",
        "CREATE INDEX model_versions_by_stage ON model_versions (model_pk, stage, version)",
        "CREATE INDEX model_versions_by_updated ON model_versions (updated DESC, name, version DESC)",
        "CREATE INDEX model_versions_by_created ON model_versions (created DESC, name, version DESC)",
        "CREATE INDEX model_versions_by_run ON model_versions (run_id)",
        "CREATE INDEX model_versions_by_model ON model_versions (model_id)",
        """CREATE TABLE model_version_tags (
            version_pk BIGINT NOT NULL REFERENCES model_versions (pk) ON DELETE CASCADE,
            key {text} NOT NULL,
            value {text} NOT NULL,
            PRIMARY KEY (version_pk, key)
        ){clustered}""",
        "CREATE INDEX model_version_tags_by_value ON model_version_tags (key, substr(value, 1, 100))",
        """CREATE TABLE model_aliases (
            model_pk BIGINT NOT NULL REFERENCES registered_models (pk) ON DELETE CASCADE,
            alias {text} NOT NULL,
            version BIGINT NOT NULL,
            PRIMARY KEY (model_pk, alias)
        ){clustered}""",
        """CREATE TABLE model_holds (
            id {serial} PRIMARY KEY{autoincrement},
            model_pk BIGINT NOT NULL REFERENCES registered_models (pk) ON DELETE CASCADE,
            kind SMALLINT NOT NULL,
            place {text} NOT NULL,
            version BIGINT NOT NULL,
            since BIGINT NOT NULL,
            set_by {text} NOT NULL,
            set_why {text} NOT NULL,
            until BIGINT,
            ended_by {text},
            ended_why {text}
        )""",
        "CREATE INDEX model_holds_by_place ON model_holds (model_pk, kind, place, until)",
    ),
    (
        # The least and the greatest value of each series; of those logged before, the newest is all that is known here.
        "ALTER TABLE metric_latest ADD COLUMN low {double}",
        "ALTER TABLE metric_latest ADD COLUMN high {double}",
        "UPDATE metric_latest SET low = value, high = value",
        """CREATE TABLE views (
            experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
            name {text} NOT NULL,
            state {text} NOT NULL,
            updated BIGINT NOT NULL,
            PRIMARY KEY (experiment_id, name)
        )""",
    ),
    (
        """CREATE TABLE deployments (
            deployment_id {text} NOT NULL PRIMARY KEY,
            name {text} NOT NULL,
            model {text} NOT NULL,
            model_address {text} NOT NULL,
            version {text} NOT NULL,
            previous_version {text} NOT NULL,
            canary_version {text} NOT NULL,
            shadow_version {text} NOT NULL,
            url {text} NOT NULL,
            host {text} NOT NULL,
            problem {text} NOT NULL,
            canary_percent {double} NOT NULL,
            healthy SMALLINT NOT NULL,
            since BIGINT NOT NULL,
            created BIGINT NOT NULL,
            last_seen BIGINT NOT NULL,
            interval_s BIGINT NOT NULL,
            details {text} NOT NULL
        )""",
        "CREATE INDEX deployments_by_model ON deployments (model, name)",
    ),
    (
        """CREATE TABLE approval_policies (
            model_pk BIGINT NOT NULL REFERENCES registered_models (pk) ON DELETE CASCADE,
            kind SMALLINT NOT NULL,
            place {text} NOT NULL,
            metrics {text} NOT NULL,
            signature SMALLINT NOT NULL,
            approvers {text} NOT NULL,
            own SMALLINT NOT NULL,
            updated BIGINT NOT NULL,
            set_by {text} NOT NULL,
            PRIMARY KEY (model_pk, kind, place)
        ){clustered}""",
        """CREATE TABLE approvals (
            id {serial} PRIMARY KEY{autoincrement},
            model_pk BIGINT NOT NULL REFERENCES registered_models (pk) ON DELETE CASCADE,
            version BIGINT,
            kind SMALLINT NOT NULL,
            place {text} NOT NULL,
            archive SMALLINT NOT NULL,
            state SMALLINT NOT NULL,
            asked BIGINT NOT NULL,
            asked_by {text} NOT NULL,
            asked_why {text} NOT NULL,
            decided BIGINT,
            decided_by {text},
            decided_why {text},
            checks {text}
        )""",
        "CREATE INDEX approvals_by_model ON approvals (model_pk, state, id)",
        "CREATE INDEX approvals_by_state ON approvals (state, id)",
    ),
    (
        """CREATE TABLE jobs (
            pk {serial} PRIMARY KEY{autoincrement},
            job_id {text} NOT NULL UNIQUE,
            source_run_id {text} NOT NULL,
            experiment_id BIGINT NOT NULL,
            executor {text} NOT NULL,
            entry_point {text} NOT NULL,
            run_name {text} NOT NULL,
            params {text} NOT NULL,
            state SMALLINT NOT NULL,
            run_id {text} NOT NULL,
            agent {text} NOT NULL,
            message {text} NOT NULL,
            cancel_asked SMALLINT NOT NULL,
            lease_until BIGINT NOT NULL,
            created BIGINT NOT NULL,
            updated BIGINT NOT NULL
        )""",
        "CREATE INDEX jobs_by_state ON jobs (state, pk)",
        """CREATE TABLE job_offers (
            agent {text} NOT NULL,
            executor {text} NOT NULL,
            seen BIGINT NOT NULL,
            PRIMARY KEY (agent, executor)
        ){clustered}""",
    ),
)
