// Made by scripts/make_types.py from the operation table. Do not edit.

/** A name that points at one version of a registered model, such as `champion`. */
export interface Alias {
  alias: string;
  version: string;
}

/** A request to move an alias or a stage to a version (`version` absent: to delete the alias). Times are ms. */
export interface Approval {
  id: string;
  name: string;
  version?: string;
  alias?: string;
  stage?: string;
  archive_existing_versions?: boolean;
  state: ApprovalState;
  asked: number;
  asked_by?: string;
  reason?: string;
  decided?: number;
  decided_by?: string;
  decision?: string;
  checks?: CheckResult[];
}

/** One request, with its checks: those of this moment while it is open, those of the decision afterwards. */
export interface ApprovalAnswer {
  approval: Approval;
}

/** One page of requests, the latest first, without checks while open; `next_page_token` exactly when there are more. */
export interface ApprovalPage {
  approvals?: Approval[];
  next_page_token?: string;
}

/** How a request stands. */
export type ApprovalState = "ASKED" | "GRANTED" | "REFUSED" | "WITHDRAWN";

/** The files of one folder, sorted by path, and the address of the root they are relative to. */
export interface ArtifactList {
  root_uri: string;
  files?: FileInfo[];
  next_page_token?: string;
}

/** Ask to move an alias or a stage to a version; an alias without a version: to delete it. */
export interface AskApproval {
  name: string;
  version?: string;
  alias?: string;
  stage?: string;
  archive_existing_versions?: boolean;
  user?: string;
  reason?: string;
}

/** One try: when (ms since the epoch) and how long it took (ms), and what came of it. */
export interface Attempt {
  at: number;
  took: number;
  status?: number;
  body?: string;
  error?: string;
}

/** Points of several runs; the list is there even where it is empty. */
export interface BulkMetricHistory {
  metrics?: Metric[];
}

/** Stop a job: one that waits ends at once, one that works is stopped by its agent. */
export interface CancelJob {
  job_id?: string;
}

/** One check in words, whether it is green, and what was found. */
export interface CheckResult {
  check: string;
  green: boolean;
  found: string;
}

/** Take the oldest job that waits for one of these executors. The agent must report every `lease_s` seconds or sooner. */
export interface ClaimJob {
  agent: string;
  executors: string[];
  lease_s?: number;
}

/** Forget events that are older than `older_than_ms` and that nobody has yet to be told of, at most `limit`. */
export interface CleanEvents {
  older_than_ms?: number;
  limit?: number;
}

/** How many events and ended deliveries are gone. */
export interface CleanedEvents {
  events: number;
  deliveries: number;
}

/** The code of a run: entry point, git commit, branch, remote, and whether there were changes beside the commit. */
export interface Code {
  source?: string;
  commit?: string;
  branch?: string;
  repository?: string;
  changed?: boolean;
}

/** Values, the most frequent first. Deleted runs count too. */
export interface ColumnValues {
  values: ValueCount[];
}

/** Compare two versions, of one registered model or of two (`other_name`, by default `name`). */
export interface CompareVersions {
  name: string;
  version: string;
  other_name?: string;
  other_version: string;
}

/** Create an experiment. `artifact_location` defaults to a folder below the server's root. */
export interface CreateExperiment {
  name: string;
  artifact_location?: string;
  tags?: Tag[];
}

/** Create a logged model in state PENDING. An empty name is replaced by a generated one. */
export interface CreateLoggedModel {
  experiment_id: string;
  name?: string;
  model_type?: string;
  source_run_id?: string;
  params?: Param[];
  tags?: Tag[];
  model_id?: string;
}

/** Add a version to a registered model. It is READY at once, in stage None. */
export interface CreateModelVersion {
  name: string;
  source: string;
  run_id?: string;
  tags?: Tag[];
  run_link?: string;
  description?: string;
  model_id?: string;
  user?: string;
}

/** Create a registered model without versions. */
export interface CreateRegisteredModel {
  name: string;
  tags?: Tag[];
  description?: string;
  user?: string;
}

/** Start a run. `run_id` may be chosen by the caller (32 hex digits), so that clients can work offline. */
export interface CreateRun {
  experiment_id: string;
  user_id?: string;
  run_name?: string;
  start_time?: number;
  tags?: Tag[];
  run_id?: string;
}

/** Tell `url` of `events` (MLflow's), of `kinds` (any, `run.*` too) and of `rules`; at least one of them. */
export interface CreateWebhook {
  name: string;
  url: string;
  events?: WebhookEvent[];
  description?: string;
  secret?: string;
  status?: WebhookStatus;
  kinds?: string[];
  rules?: MetricRule[];
}

/** The id of the new experiment. */
export interface CreatedExperiment {
  experiment_id: string;
}

/** One metric of one run along the axis: `points` there are in the range. */
export interface Curve {
  run_id: string;
  metric_key: string;
  points: number;
  x: (number | "NaN" | "Infinity" | "-Infinity")[];
  y: (number | "NaN" | "Infinity" | "-Infinity")[];
  low: (number | "NaN" | "Infinity" | "-Infinity")[];
  high: (number | "NaN" | "Infinity" | "-Infinity")[];
}

/** What a curve is drawn over: the step, the time (ms since the epoch), or the ms since the run's start. */
export type CurveAxis = "relative" | "step" | "time";

/** The curves that have at least one point in the range, run by run in the order asked for. */
export interface Curves {
  curves: Curve[];
}

/** A data set, identified within an experiment by name and digest. */
export interface Dataset {
  name?: string;
  digest?: string;
  source_type?: string;
  source?: string;
  schema?: string;
  profile?: string;
}

/** Restricts metric conditions to points on one data set; no digest: any. */
export interface DatasetFilter {
  dataset_name?: string;
  dataset_digest?: string;
}

/** A data set as used by a run; the tag `mlflow.data.context` says for what. */
export interface DatasetInput {
  tags?: Tag[];
  dataset: Dataset;
}

/** Distinct rows, at most 1000. */
export interface DatasetSummaries {
  dataset_summaries?: DatasetSummary[];
}

/** A data set and the context it was used in, None where the run gave none. */
export interface DatasetSummary {
  experiment_id: string;
  name: string;
  digest: string;
  context?: string;
}

/** Grant, refuse or withdraw a request. */
export interface DecideApproval {
  id?: string;
  user?: string;
  reason?: string;
}

/** Delete an alias; no such alias is fine. */
export interface DeleteAlias {
  name: string;
  alias: string;
  user?: string;
  reason?: string;
}

/** Forget a deployment. The process is not stopped; where it still runs, its next report is the first again. */
export interface DeleteDeployment {
  deployment_id?: string;
}

/** Mark an experiment and all its runs deleted. */
export interface DeleteExperiment {
  experiment_id: string;
}

/** Delete one tag of an active experiment. */
export interface DeleteExperimentTag {
  experiment_id: string;
  key: string;
}

/** Mark a logged model deleted. */
export interface DeleteLoggedModel {
  model_id?: string;
}

/** Delete one tag. */
export interface DeleteLoggedModelTag {
  model_id?: string;
  tag_key?: string;
}

/** Delete a version and the aliases that point at it. Its number is never given again. */
export interface DeleteModelVersion {
  name: string;
  version: string;
  user?: string;
  reason?: string;
}

/** Delete a tag of a version; no such tag is fine. */
export interface DeleteModelVersionTag {
  name: string;
  version: string;
  key: string;
}

/** Protect an alias or a stage no more. */
export interface DeletePolicy {
  name: string;
  alias?: string;
  stage?: string;
  user?: string;
}

/** Delete a registered model with all its versions. */
export interface DeleteRegisteredModel {
  name: string;
  user?: string;
}

/** Delete a tag of a registered model; no such tag is fine. */
export interface DeleteRegisteredModelTag {
  name: string;
  key: string;
}

/** Mark a run deleted; deleting a deleted run is fine. */
export interface DeleteRun {
  run_id: string;
}

/** Delete one tag of a run. */
export interface DeleteTag {
  run_id: string;
  key: string;
}

/** Delete a view; one that is not there is fine. */
export interface DeleteView {
  experiment_id: string;
  name: string;
}

/** Remove a webhook, its secret and its deliveries. */
export interface DeleteWebhook {
  webhook_id?: string;
}

/** One event on its way to one receiver. Times are ms since the epoch; `request` is the body as it is sent. */
export interface Delivery {
  delivery_id: string;
  event_id: number;
  kind: string;
  subject: string;
  state: DeliveryState;
  created: number;
  due: number;
  ended?: number;
  tries?: number;
  attempts?: Attempt[];
  request?: string;
}

/** Some deliveries, the newest first; a token exactly when there are more. */
export interface DeliveryPage {
  deliveries?: Delivery[];
  next_page_token?: string;
}

/** How a delivery stands: to be made or tried again, done, or given up. */
export type DeliveryState = "DEAD" | "DELIVERED" | "PENDING";

/** One name that one process serves. Times are ms since the epoch. */
export interface Deployment {
  deployment_id: string;
  name: string;
  model?: string;
  model_address?: string;
  version?: string;
  previous_version?: string;
  canary_version?: string;
  canary_percent?: number | "NaN" | "Infinity" | "-Infinity";
  shadow_version?: string;
  url?: string;
  host?: string;
  status: DeploymentStatus;
  problem?: string;
  since: number;
  created: number;
  last_seen: number;
  interval_s: number;
  details?: Record<string, unknown>;
}

/** One deployment. */
export interface DeploymentAnswer {
  deployment: Deployment;
}

/** Say that deployments are as they were. */
export interface DeploymentHeartbeat {
  deployment_ids?: string[];
}

/** Deployments. */
export interface DeploymentList {
  deployments?: Deployment[];
}

/** How a deployment stands: it answers, it says that something is wrong, or it has not been heard of. */
export type DeploymentStatus = "HEALTHY" | "SILENT" | "UNHEALTHY";

/** One thing by its key, on both sides; absent where a side does not have it. */
export interface Difference {
  key: string;
  left?: string;
  right?: string;
}

/** The address of a version's files, resolved through other versions and logged models. */
export interface DownloadUri {
  artifact_uri: string;
}

/** What was removed by this call, and how many things are still to go. */
export interface EmptiedTrash {
  items: TrashItem[];
  remaining: number;
}

/** Remove for good what was deleted at least `older_than_ms` ago, with its artifacts. */
export interface EmptyTrash {
  older_than_ms?: number;
  dry_run?: boolean;
  limit?: number;
}

/** What a model needs, as its folder says (`requirements`), and what its run was made with. */
export interface Environment {
  python?: string;
  platform?: string;
  requirements?: string[];
}

/** What went wrong. Clients decide by `error_code`; `message` is for people. */
export interface Error {
  error_code: string;
  message: string;
}

/** One event. Ids grow in the order of commits; `time` is in ms since the epoch; `data` depends on the kind. */
export interface Event {
  id: number;
  time: number;
  kind: string;
  subject: string;
  data?: Record<string, unknown>;
}

/** Some events, and the `cursor` to ask for those that come after them (as `after`). */
export interface EventPage {
  events: Event[];
  cursor: number;
  more: boolean;
  oldest: number;
}

/** The executors that jobs can be submitted to. */
export interface ExecutorList {
  executors?: OfferedExecutor[];
}

/** An experiment. Times are milliseconds since the epoch; `lifecycle_stage` is `active` or `deleted`. */
export interface Experiment {
  experiment_id: string;
  name: string;
  artifact_location: string;
  lifecycle_stage: string;
  last_update_time: number;
  creation_time: number;
  tags?: Tag[];
}

/** One experiment. */
export interface ExperimentAnswer {
  experiment: Experiment;
}

/** The keys of some experiments' runs, each list sorted by key. Deleted runs count too. */
export interface ExperimentKeys {
  metrics: KeyCount[];
  params: KeyCount[];
  tags: KeyCount[];
}

/** One page of experiments; `next_page_token` exactly when there are more. */
export interface ExperimentPage {
  experiments?: Experiment[];
  next_page_token?: string;
}

/** One file or folder. `path` is relative to what was listed's root; `file_size` in bytes, None for folders. */
export interface FileInfo {
  path: string;
  is_dir: boolean;
  file_size?: number;
}

/** Set the status of a logged model. */
export interface FinalizeLoggedModel {
  model_id?: string;
  status: LoggedModelStatus;
}

/** Read one request. */
export interface GetApproval {
  id?: string;
}

/** Read metrics of many runs for drawing, each curve thinned to `buckets` parts of the axis that holds no more. */
export interface GetCurves {
  run_ids: string[];
  metric_keys: string[];
  axis?: CurveAxis;
  buckets?: number;
  start?: number | "NaN" | "Infinity" | "-Infinity";
  end?: number | "NaN" | "Infinity" | "-Infinity";
}

/** Read one deployment. */
export interface GetDeployment {
  deployment_id?: string;
}

/** Ask where the files of a version are. */
export interface GetDownloadUri {
  name: string;
  version: string;
}

/** Read one experiment, deleted or not. */
export interface GetExperiment {
  experiment_id: string;
}

/** Read one experiment by its name, deleted or not. */
export interface GetExperimentByName {
  experiment_name: string;
}

/** Read one job. */
export interface GetJob {
  job_id?: string;
}

/** Read the highest version of each stage; no `stages`: of all four. */
export interface GetLatestVersions {
  name: string;
  stages?: string[];
}

/** Ask where a version comes from, and what came of it. */
export interface GetLineage {
  name: string;
  version: string;
}

/** Read one logged model; deleted ones only with `allow_deleted`. */
export interface GetLoggedModel {
  model_id?: string;
  allow_deleted?: boolean;
}

/** All points of one metric of a run, by timestamp, step, value. `max_results` absent: everything. */
export interface GetMetricHistory {
  run_id?: string;
  run_uuid?: string;
  metric_key: string;
  max_results?: number;
  page_token?: string;
}

/** All points of one metric of up to 100 runs, at most `max_results` (default and cap 25000). */
export interface GetMetricHistoryBulk {
  run_id?: string[];
  metric_key?: string;
  max_results?: number;
}

/** One metric of up to 100 runs between two steps, each run thinned to `max_results` points (1 to 2500). */
export interface GetMetricHistoryInterval {
  run_ids: string[];
  metric_key: string;
  start_step?: number;
  end_step?: number;
  max_results?: number;
}

/** Ask which versions held aliases and stages of a registered model: one alias, one stage, one version, or all. */
export interface GetModelHistory {
  name: string;
  alias?: string;
  stage?: string;
  version?: string;
  at?: number;
  max_results?: number;
  page_token?: string;
}

/** Read one version. */
export interface GetModelVersion {
  name: string;
  version: string;
}

/** Read one registered model. */
export interface GetRegisteredModel {
  name: string;
}

/** Read one run, deleted or not. */
export interface GetRun {
  run_id?: string;
  run_uuid?: string;
}

/** Put runs that agree in the columns `group_by` together, and count and average the others' `columns`. */
export interface GetRunGroups {
  experiment_ids?: string[];
  filter?: string;
  run_view_type?: ViewType;
  group_by: string[];
  columns?: string[];
  max_results?: number;
}

/** Read a part of a table: the runs that match, in an order, and of each only the columns named. */
export interface GetRunTable {
  experiment_ids?: string[];
  filter?: string;
  run_view_type?: ViewType;
  order_by?: OrderKey[];
  columns?: string[];
  offset?: number;
  max_results?: number;
}

/** Ask what kind of server this is. */
export interface GetServerInfo {
}

/** Read the version that an alias points at; `latest` is the newest in stage None, else in any stage. */
export interface GetVersionByAlias {
  name: string;
  alias: string;
}

/** Ask for one webhook. */
export interface GetWebhook {
  webhook_id?: string;
}

/** `unknown`: ids that nobody reported, or that were deleted; they must be reported again. */
export interface HeardDeployments {
  unknown?: string[];
}

/** Say that the processes that write these runs are alive, and will say so again within `interval` seconds. */
export interface Heartbeat {
  run_ids: string[];
  interval?: number;
}

/** One version held one alias or stage: since when, set by whom and why; until when, ended by whom and why. */
export interface Hold {
  alias?: string;
  stage?: string;
  version: string;
  since: number;
  set_by?: string;
  set_reason?: string;
  until?: number;
  ended_by?: string;
  ended_reason?: string;
}

/** Log up to 100,000 points of one run at once, as columns of bytes; all or nothing. The same twice is kept once. */
export interface IngestPoints {
  run_id?: string;
  columns?: string;
}

/** One job. Times are ms since the epoch. */
export interface Job {
  job_id: string;
  source_run_id: string;
  experiment_id: string;
  executor: string;
  entry_point?: string;
  run_name?: string;
  params?: Param[];
  state: JobState;
  run_id?: string;
  agent?: string;
  message?: string;
  cancel_asked?: boolean;
  created: number;
  updated: number;
}

/** One job; None only as the answer to a claim, where nothing waits. */
export interface JobAnswer {
  job?: Job;
}

/** One page of jobs; `next_page_token` exactly when there are more. */
export interface JobPage {
  jobs?: Job[];
  next_page_token?: string;
}

/** How a job stands. The last three are ends. */
export type JobState = "CANCELLED" | "CLAIMED" | "FAILED" | "FINISHED" | "QUEUED" | "RUNNING";

/** A key and how many runs have it. */
export interface KeyCount {
  key: string;
  runs: number;
}

/** The highest version of each stage that has one. */
export interface LatestVersions {
  model_versions?: ModelVersion[];
}

/** Version → logged model → run → data sets, code, environment; and who read it, copied it, serves it. */
export interface Lineage {
  model_version: ModelVersion;
  artifact_uri: string;
  logged_model?: LoggedModelInfo;
  run?: RunInfo;
  datasets?: DatasetInput[];
  code?: Code;
  environment?: Environment;
  readers?: string[];
  siblings?: VersionName[];
  deployments?: Deployment[];
}

/** List one folder of a run's artifacts. `path` is relative to the run's artifact root. */
export interface ListArtifacts {
  run_id?: string;
  run_uuid?: string;
  path?: string;
  page_token?: string;
}

/** Read deployments, ordered by name and age. `model`: only those of this registered model. */
export interface ListDeployments {
  model?: string;
  max_results?: number;
}

/** The events after the id `after`, oldest first. */
export interface ListEvents {
  after?: number;
  kinds?: string[];
  subject?: string;
  max_results?: number;
  newest?: boolean;
}

/** Ask which executors there are. */
export interface ListExecutors {
}

/** Ask which metrics, params and tags the runs of some experiments have. */
export interface ListKeys {
  experiment_ids?: string[];
}

/** List one folder of a logged model's artifacts. */
export interface ListLoggedModelArtifacts {
  model_id?: string;
  artifact_directory_path?: string;
  page_token?: string;
}

/** The policies of a registered model. */
export interface ListPolicies {
  name: string;
}

/** What a trigger has done, or is to do; of one `state`, where it is given. */
export interface ListTriggerRuns {
  name?: string;
  state?: DeliveryState;
  max_results?: number;
  page_token?: string;
}

/** Ask for all triggers of the server that answers. */
export interface ListTriggers {
}

/** Ask which values a param or a tag has: `column` is `params.<key>` or `tags.<key>`. */
export interface ListValues {
  experiment_ids?: string[];
  column: string;
  max_results?: number;
}

/** Ask for the views of an experiment. */
export interface ListViews {
  experiment_id: string;
}

/** What was sent to a webhook, or is to be; of one `state`, where it is given. */
export interface ListWebhookDeliveries {
  webhook_id?: string;
  state?: DeliveryState;
  max_results?: number;
  page_token?: string;
}

/** All webhooks, page by page. Those without any of MLflow's events are left out unless `all` is set. */
export interface ListWebhooks {
  max_results?: number;
  page_token?: string;
  all?: boolean;
}

/** Log up to 1000 metrics, 100 params and 100 tags at once (1000 in all); all or nothing. */
export interface LogBatch {
  run_id: string;
  metrics?: MetricPoint[];
  params?: Param[];
  tags?: Tag[];
}

/** Link data sets and models to a run; a data set already linked is left as it is. */
export interface LogInputs {
  run_id: string;
  datasets?: DatasetInput[];
  models?: ModelInput[];
}

/** Add params; a key that exists is refused. */
export interface LogLoggedModelParams {
  model_id?: string;
  params?: Param[];
}

/** Log one point. Value is a double (NaN and ±Infinity as texts on the wire), timestamp ms since the epoch. */
export interface LogMetric {
  run_id?: string;
  run_uuid?: string;
  key: string;
  value: number | "NaN" | "Infinity" | "-Infinity";
  timestamp: number;
  step?: number;
  model_id?: string;
  dataset_name?: string;
  dataset_digest?: string;
}

/** Record that a model was logged (legacy): appends to the tag `mlflow.log-model.history`. */
export interface LogModel {
  run_id: string;
  model_json: string;
}

/** Link models that the run made. */
export interface LogOutputs {
  run_id: string;
  models: ModelOutput[];
}

/** Log one param. The same value again is fine, another value is refused. */
export interface LogParam {
  run_id?: string;
  run_uuid?: string;
  key: string;
  value?: string;
}

/** A logged model as the wire shows it. */
export interface LoggedModel {
  info: LoggedModelInfo;
  data: LoggedModelData;
}

/** One logged model. */
export interface LoggedModelAnswer {
  model: LoggedModel;
}

/** The files of one folder, relative to `root_uri`. */
export interface LoggedModelArtifacts {
  root_uri: string;
  files?: FileInfo[];
  next_page_token?: string;
}

/** Params, and every metric point that was logged for the model. */
export interface LoggedModelData {
  params?: Param[];
  metrics?: Metric[];
}

/** Everything about a logged model but its data. Times are ms since the epoch. */
export interface LoggedModelInfo {
  model_id: string;
  experiment_id: string;
  name: string;
  creation_timestamp_ms: number;
  last_updated_timestamp_ms: number;
  artifact_uri: string;
  status: LoggedModelStatus;
  model_type: string;
  source_run_id: string;
  status_message?: string;
  tags?: Tag[];
}

/** One ordering key: an attribute or `metrics.<key>`, the latter optionally of one data set. */
export interface LoggedModelOrder {
  field_name?: string;
  ascending?: boolean;
  dataset_name?: string;
  dataset_digest?: string;
}

/** One page of logged models; `next_page_token` exactly when there are more. */
export interface LoggedModelPage {
  models?: LoggedModel[];
  next_page_token?: string;
}

/** How a logged model stands. Order and names are the wire's (0 to 3). */
export type LoggedModelStatus = "LOGGED_MODEL_PENDING" | "LOGGED_MODEL_READY" | "LOGGED_MODEL_STATUS_UNSPECIFIED" | "LOGGED_MODEL_UPLOAD_FAILED";

/** One point: value (double), timestamp (ms since the epoch), step; the rest only where it is known. */
export interface Metric {
  key: string;
  value: number | "NaN" | "Infinity" | "-Infinity";
  timestamp: number;
  step?: number;
  dataset_name?: string;
  dataset_digest?: string;
  model_id?: string;
  run_id?: string;
}

/** `metric` of the version, compared by `operator` (`<`, `<=`, `>`, `>=`) with `value`. */
export interface MetricCheck {
  metric: string;
  operator?: string;
  value?: number | "NaN" | "Infinity" | "-Infinity";
  dataset?: string;
}

/** The latest value of a metric on both sides; absent where a side does not have it. */
export interface MetricDifference {
  key: string;
  left?: number | "NaN" | "Infinity" | "-Infinity";
  right?: number | "NaN" | "Infinity" | "-Infinity";
}

/** Points, and a token exactly when there are more. */
export interface MetricHistory {
  metrics?: Metric[];
  next_page_token?: string;
}

/** One point as sent in a batch. */
export interface MetricPoint {
  key: string;
  value: number | "NaN" | "Infinity" | "-Infinity";
  timestamp: number;
  step?: number;
  model_id?: string;
  dataset_name?: string;
  dataset_digest?: string;
  run_id?: string;
}

/** A threshold: told once when a metric of a run of `experiment_id` comes to fulfil `comparison` with `value`. */
export interface MetricRule {
  experiment_id?: string;
  key?: string;
  comparison?: string;
  value?: number | "NaN" | "Infinity" | "-Infinity";
}

/** One page of holds, the latest first; `next_page_token` exactly when there are more. */
export interface ModelHistory {
  holds?: Hold[];
  next_page_token?: string;
}

/** A logged model that a run read. */
export interface ModelInput {
  model_id: string;
}

/** A logged model that a run made, at a step. */
export interface ModelOutput {
  model_id: string;
  step?: number;
}

/** One version. `version` is the text of a whole number from 1 on; times are ms since the epoch. */
export interface ModelVersion {
  name: string;
  version: string;
  creation_timestamp: number;
  last_updated_timestamp: number;
  user_id?: string;
  current_stage: string;
  description?: string;
  source: string;
  run_id?: string;
  status: string;
  status_message?: string;
  tags?: Tag[];
  run_link?: string;
  aliases?: string[];
  model_id?: string;
}

/** One model version. */
export interface ModelVersionAnswer {
  model_version: ModelVersion;
}

/** One page of versions, without their aliases; `next_page_token` exactly when there are more. */
export interface ModelVersionPage {
  model_versions?: ModelVersion[];
  next_page_token?: string;
}

/** The answer `{}`. */
export interface Nothing {
}

/** An executor that agents offer, and how many of them were heard of lately. */
export interface OfferedExecutor {
  name: string;
  agents: number;
}

/** One key to order a table by: a column as in `GetRunTable.columns`, or `attributes.<name>`. */
export interface OrderKey {
  column: string;
  descending?: boolean;
}

/** A parameter: a key and a text, perhaps empty, that never changes once logged. */
export interface Param {
  key: string;
  value?: string;
}

/** The policies of a registered model. */
export interface Policies {
  policies?: Policy[];
}

/** An alias or stage that moves only by a granted request, and what a grant takes. */
export interface Policy {
  name: string;
  alias?: string;
  stage?: string;
  metrics?: MetricCheck[];
  signature?: boolean;
  approvers?: string[];
  own_requests?: boolean;
  updated: number;
  set_by?: string;
}

/** One policy. */
export interface PolicyAnswer {
  policy: Policy;
}

/** Ask for an address to upload one file straight to the store; `expiration` in seconds. */
export interface PresignUpload {
  run_id: string;
  path: string;
  expiration?: number;
}

/** Where and with which headers to PUT the bytes. */
export interface PresignedUpload {
  presigned_url: string;
  headers?: Record<string, string>;
}

/** Send a delivery once more, with the same id and body. */
export interface RedeliverWebhook {
  webhook_id?: string;
  delivery_id?: string;
}

/** A registered model. `latest_versions` holds the highest version of each stage. Times are ms since the epoch. */
export interface RegisteredModel {
  name: string;
  creation_timestamp: number;
  last_updated_timestamp: number;
  user_id?: string;
  description?: string;
  latest_versions?: ModelVersion[];
  tags?: Tag[];
  aliases?: Alias[];
}

/** One registered model. */
export interface RegisteredModelAnswer {
  registered_model: RegisteredModel;
}

/** One page of registered models; `next_page_token` exactly when there are more. */
export interface RegisteredModelPage {
  registered_models?: RegisteredModel[];
  next_page_token?: string;
}

/** Give a registered model another name; versions, tags, aliases and history follow it. */
export interface RenameRegisteredModel {
  name: string;
  new_name: string;
  user?: string;
}

/** Say what a process serves under one name. The first report of an id creates the deployment; each is a heartbeat. */
export interface ReportDeployment {
  deployment_id: string;
  name: string;
  model?: string;
  model_address?: string;
  version?: string;
  previous_version?: string;
  canary_version?: string;
  canary_percent?: number | "NaN" | "Infinity" | "-Infinity";
  shadow_version?: string;
  url?: string;
  host?: string;
  healthy?: boolean;
  problem?: string;
  since?: number;
  interval_s?: number;
  details?: Record<string, unknown>;
}

/** Say how a claimed job stands; each report renews the lease. */
export interface ReportJob {
  job_id?: string;
  agent: string;
  state?: JobState;
  run_id?: string;
  message?: string;
}

/** Mark a deleted experiment and all its runs active. */
export interface RestoreExperiment {
  experiment_id: string;
}

/** Mark a run active; restoring an active run is fine. */
export interface RestoreRun {
  run_id: string;
}

/** Sign with `secret` from now on; the one before goes along in a header of its own for `grace_seconds`. */
export interface RotateWebhookSecret {
  webhook_id?: string;
  secret: string;
  grace_seconds?: number;
}

/** A run as the wire shows it. `inputs` and `outputs` are None only where they were not asked for. */
export interface Run {
  info: RunInfo;
  data: RunData;
  inputs?: RunInputs;
  outputs?: RunOutputs;
}

/** One run. */
export interface RunAnswer {
  run: Run;
}

/** The latest point of each metric, all params, all tags. */
export interface RunData {
  metrics?: Metric[];
  params?: Param[];
  tags?: Tag[];
}

/** Runs that agree: the common `values` (null: they lack it), how many `runs`, and a spread (or null) a column. */
export interface RunGroup {
  values: (string | number | "NaN" | "Infinity" | "-Infinity" | null)[];
  runs: number;
  columns: (Spread | null)[];
}

/** `total` groups there are; `groups` are those with the most runs, largest first. */
export interface RunGroups {
  total: number;
  groups: RunGroup[];
}

/** Everything about a run but its data. Times are ms since the epoch; `run_uuid` repeats `run_id`. */
export interface RunInfo {
  run_id: string;
  run_uuid: string;
  run_name: string;
  experiment_id: string;
  user_id: string;
  status: RunStatus;
  start_time: number;
  end_time?: number;
  artifact_uri: string;
  lifecycle_stage: string;
}

/** The run's info after the change. */
export interface RunInfoAnswer {
  run_info: RunInfo;
}

/** What a run read. */
export interface RunInputs {
  dataset_inputs?: DatasetInput[];
  model_inputs?: ModelInput[];
}

/** What a run made. */
export interface RunOutputs {
  model_outputs?: ModelOutput[];
}

/** One page of runs; `next_page_token` exactly when there are more. */
export interface RunPage {
  runs?: Run[];
  next_page_token?: string;
}

/** How a run stands. Order and names are the wire's (1 to 5). */
export type RunStatus = "FAILED" | "FINISHED" | "KILLED" | "RUNNING" | "SCHEDULED";

/** `total` runs match; each list has one entry a row. What a run does not have is null; NaN is the text `NaN`. */
export interface RunTable {
  total: number;
  run_ids: string[];
  run_names: string[];
  experiment_ids: string[];
  user_ids: string[];
  statuses: RunStatus[];
  lifecycle_stages: string[];
  start_times: number[];
  end_times: (number | null)[];
  parents: (string | null)[];
  children: number[];
  columns: ((string | number | "NaN" | "Infinity" | "-Infinity" | null)[])[];
}

/** Run a trigger once more for the event of one of its runs, with the same delivery id. */
export interface RunTriggerAgain {
  name?: string;
  delivery_id?: string;
}

/** Keep a view under a name, replacing an older one of that name. */
export interface SaveView {
  experiment_id: string;
  name: string;
  state?: string;
}

/** Find requests: of one registered model, in one state, or all. */
export interface SearchApprovals {
  name?: string;
  state?: ApprovalState;
  max_results?: number;
  page_token?: string;
}

/** The data sets used in 1 to 20 experiments. */
export interface SearchDatasets {
  experiment_ids?: string[];
}

/** Find experiments. `max_results` (1 to 50000) must be given; `filter` as in docs/reference/search.md. */
export interface SearchExperiments {
  max_results?: number;
  view_type?: ViewType;
  filter?: string;
  order_by?: string[];
  page_token?: string;
}

/** Jobs, the newest first; of these states (empty: all), and of this source run (empty: any). */
export interface SearchJobs {
  states?: JobState[];
  source_run_id?: string;
  max_results?: number;
  page_token?: string;
}

/** Find logged models of some experiments. */
export interface SearchLoggedModels {
  experiment_ids: string[];
  filter?: string;
  datasets?: DatasetFilter[];
  max_results?: number;
  order_by?: LoggedModelOrder[];
  page_token?: string;
}

/** Find versions, of all registered models unless the filter says otherwise. */
export interface SearchModelVersions {
  filter?: string;
  max_results?: number;
  order_by?: string[];
  page_token?: string;
}

/** Find registered models. Prompts are among them only where the filter asks for them. */
export interface SearchRegisteredModels {
  filter?: string;
  max_results?: number;
  order_by?: string[];
  page_token?: string;
}

/** Find runs of some experiments. */
export interface SearchRuns {
  experiment_ids?: string[];
  filter?: string;
  run_view_type?: ViewType;
  max_results?: number;
  order_by?: string[];
  page_token?: string;
  select?: string[];
}

/** `store_type` is MLflow's word for a database-backed store; workspaces are not enabled. */
export interface ServerInfo {
  store_type: string;
  workspaces_enabled: boolean;
}

/** Point an alias at a version, moving it where it pointed at another. */
export interface SetAlias {
  name: string;
  alias: string;
  version: string;
  user?: string;
  reason?: string;
}

/** Set one tag of an active experiment, replacing an older value. */
export interface SetExperimentTag {
  experiment_id: string;
  key: string;
  value?: string;
}

/** Set tags, replacing older values. */
export interface SetLoggedModelTags {
  model_id?: string;
  tags?: Tag[];
}

/** Set a tag of a version, replacing an older value. */
export interface SetModelVersionTag {
  name: string;
  version: string;
  key: string;
  value?: string;
}

/** Protect an alias or a stage of a registered model, replacing an older policy for it. */
export interface SetPolicy {
  name: string;
  alias?: string;
  stage?: string;
  metrics?: MetricCheck[];
  signature?: boolean;
  approvers?: string[];
  own_requests?: boolean;
  user?: string;
}

/** Set a tag of a registered model, replacing an older value. */
export interface SetRegisteredModelTag {
  name: string;
  key: string;
  value?: string;
}

/** Set one tag of a run, replacing an older value. */
export interface SetTag {
  run_id?: string;
  run_uuid?: string;
  key: string;
  value?: string;
}

/** Bytes of all files of each side; absent where they cannot be listed. */
export interface SizeDifference {
  left?: number;
  right?: number;
}

/** How the numbers of a column are spread over some runs; `count` of them have one. `std` is the sample's. */
export interface Spread {
  count: number;
  mean: number | "NaN" | "Infinity" | "-Infinity";
  std: number | "NaN" | "Infinity" | "-Infinity";
  low: number | "NaN" | "Infinity" | "-Infinity";
  high: number | "NaN" | "Infinity" | "-Infinity";
}

/** Clone a run of a project with changed parameters. `entry_point`, `run_name`, `experiment_id`: as the run's unless given. */
export interface SubmitJob {
  run_id: string;
  executor: string;
  params?: Param[];
  entry_point?: string;
  run_name?: string;
  experiment_id?: string;
}

/** A key and its text. As sent, a missing value is the empty text; as answered, an empty value is there. */
export interface Tag {
  key: string;
  value?: string;
}

/** Send an example of `event` now (default: the webhook's first). `kind` names one of Tidemill's instead. */
export interface TestWebhook {
  webhook_id?: string;
  event?: WebhookEvent;
  kind?: string;
}

/** Move a version to a stage; with `archive_existing_versions` all others in it become Archived. */
export interface TransitionStage {
  name: string;
  version: string;
  stage: string;
  archive_existing_versions?: boolean;
  user?: string;
  reason?: string;
}

/** One removed thing: `kind` is `run`, `logged_model` or `experiment`; `deleted_time` in ms since the epoch. */
export interface TrashItem {
  kind: string;
  id: string;
  name: string;
  deleted_time: number;
  artifact_uri: string;
}

/** One trigger of the server's file. `does` is `command`, `project` or `http`; `target` says which, without secrets. */
export interface Trigger {
  name: string;
  kinds: string[];
  subject?: string;
  where?: Record<string, unknown>;
  does: string;
  target: string;
  time_limit: number | "NaN" | "Infinity" | "-Infinity";
  retries: number;
  concurrency: number;
}

/** All triggers, in the order of the file. */
export interface TriggerList {
  triggers: Trigger[];
}

/** Rename an active experiment. */
export interface UpdateExperiment {
  experiment_id: string;
  new_name: string;
}

/** Replace the description of a version; absent: clear it. */
export interface UpdateModelVersion {
  name: string;
  version: string;
  description?: string;
}

/** Replace the description of a registered model; absent: clear it. */
export interface UpdateRegisteredModel {
  name: string;
  description?: string;
}

/** Change status, end time or name of an active run; what is absent stays. */
export interface UpdateRun {
  run_id?: string;
  run_uuid?: string;
  status?: RunStatus;
  end_time?: number;
  run_name?: string;
}

/** Change what is given; an empty text or list leaves it as it is, but an empty description removes it. */
export interface UpdateWebhook {
  webhook_id?: string;
  name?: string;
  url?: string;
  events?: WebhookEvent[];
  description?: string;
  secret?: string;
  status?: WebhookStatus;
  kinds?: string[];
  rules?: MetricRule[];
}

/** A value, cut to 100 characters, and how many runs have it. */
export interface ValueCount {
  value: string;
  runs: number;
}

/** Two versions beside each other. Metrics are shown all; of the rest only what differs. */
export interface VersionComparison {
  left: VersionName;
  right: VersionName;
  params?: Difference[];
  metrics?: MetricDifference[];
  schema?: Difference[];
  environment?: Difference[];
  size?: SizeDifference;
  compatible?: boolean;
  breaks?: string[];
  notes?: string[];
}

/** A version of some registered model. */
export interface VersionName {
  name: string;
  version: string;
}

/** A saved view. `state` is the query of the page's address; `updated_time` is ms since the epoch. */
export interface View {
  experiment_id: string;
  name: string;
  state: string;
  updated_time: number;
}

/** Which lifecycle stages a search sees. Order and names are the wire's (1, 2, 3). */
export type ViewType = "ACTIVE_ONLY" | "ALL" | "DELETED_ONLY";

/** Views by name. */
export interface Views {
  views?: View[];
}

/** A receiver. Times are ms since the epoch. `kinds`, `rules` and `has_secret` are Tidemill's own. */
export interface Webhook {
  webhook_id: string;
  name: string;
  url: string;
  events?: WebhookEvent[];
  description?: string;
  status: WebhookStatus;
  creation_timestamp: number;
  last_updated_timestamp: number;
  kinds?: string[];
  rules?: MetricRule[];
  has_secret?: boolean;
}

/** What happened to it. Order and names are the wire's (0 to 5). */
export type WebhookAction = "ACTION_UNSPECIFIED" | "CREATED" | "DELETED" | "EXCEEDED" | "SET" | "UPDATED";

/** One webhook. */
export interface WebhookAnswer {
  webhook: Webhook;
}

/** What MLflow's events are about. Order and names are the wire's (0 to 10). */
export type WebhookEntity = "BUDGET_POLICY" | "ENTITY_UNSPECIFIED" | "MODEL_VERSION" | "MODEL_VERSION_ALIAS" | "MODEL_VERSION_TAG" | "PROMPT" | "PROMPT_ALIAS" | "PROMPT_TAG" | "PROMPT_VERSION" | "PROMPT_VERSION_TAG" | "REGISTERED_MODEL";

/** One of MLflow's kinds of events. */
export interface WebhookEvent {
  entity?: WebhookEntity;
  action?: WebhookAction;
}

/** Some webhooks, the newest first; a token exactly when there are more. */
export interface WebhookPage {
  webhooks?: Webhook[];
  next_page_token?: string;
}

/** Whether a webhook is told. Order and names are the wire's (1, 2). */
export type WebhookStatus = "ACTIVE" | "DISABLED";

/** The result of a test. */
export interface WebhookTestAnswer {
  result: WebhookTestResult;
}

/** How the receiver took it. `success`: it answered with a status below 400. */
export interface WebhookTestResult {
  success: boolean;
  response_status?: number;
  response_body?: string;
  error_message?: string;
}

/** What each operation takes and answers. */
export interface Operations {
  "experiments.create": [CreateExperiment, CreatedExperiment];
  "experiments.get": [GetExperiment, ExperimentAnswer];
  "experiments.get_by_name": [GetExperimentByName, ExperimentAnswer];
  "experiments.search": [SearchExperiments, ExperimentPage];
  "experiments.update": [UpdateExperiment, Nothing];
  "experiments.delete": [DeleteExperiment, Nothing];
  "experiments.restore": [RestoreExperiment, Nothing];
  "experiments.set_tag": [SetExperimentTag, Nothing];
  "experiments.delete_tag": [DeleteExperimentTag, Nothing];
  "experiments.keys": [ListKeys, ExperimentKeys];
  "experiments.values": [ListValues, ColumnValues];
  "runs.create": [CreateRun, RunAnswer];
  "runs.get": [GetRun, RunAnswer];
  "runs.update": [UpdateRun, RunInfoAnswer];
  "runs.delete": [DeleteRun, Nothing];
  "runs.restore": [RestoreRun, Nothing];
  "runs.search": [SearchRuns, RunPage];
  "runs.log_metric": [LogMetric, Nothing];
  "runs.log_param": [LogParam, Nothing];
  "runs.set_tag": [SetTag, Nothing];
  "runs.delete_tag": [DeleteTag, Nothing];
  "runs.log_batch": [LogBatch, Nothing];
  "runs.log_model": [LogModel, Nothing];
  "runs.heartbeat": [Heartbeat, Nothing];
  "runs.ingest": [IngestPoints, Nothing];
  "runs.table": [GetRunTable, RunTable];
  "runs.groups": [GetRunGroups, RunGroups];
  "metrics.get_history": [GetMetricHistory, MetricHistory];
  "metrics.get_history_bulk": [GetMetricHistoryBulk, BulkMetricHistory];
  "metrics.get_history_interval": [GetMetricHistoryInterval, MetricHistory];
  "metrics.curves": [GetCurves, Curves];
  "inputs.log": [LogInputs, Nothing];
  "inputs.log_outputs": [LogOutputs, Nothing];
  "inputs.search_datasets": [SearchDatasets, DatasetSummaries];
  "logged_models.create": [CreateLoggedModel, LoggedModelAnswer];
  "logged_models.get": [GetLoggedModel, LoggedModelAnswer];
  "logged_models.finalize": [FinalizeLoggedModel, LoggedModelAnswer];
  "logged_models.delete": [DeleteLoggedModel, Nothing];
  "logged_models.search": [SearchLoggedModels, LoggedModelPage];
  "logged_models.set_tags": [SetLoggedModelTags, Nothing];
  "logged_models.delete_tag": [DeleteLoggedModelTag, Nothing];
  "logged_models.log_params": [LogLoggedModelParams, Nothing];
  "logged_models.list_artifacts": [ListLoggedModelArtifacts, LoggedModelArtifacts];
  "registered_models.create": [CreateRegisteredModel, RegisteredModelAnswer];
  "registered_models.get": [GetRegisteredModel, RegisteredModelAnswer];
  "registered_models.rename": [RenameRegisteredModel, RegisteredModelAnswer];
  "registered_models.update": [UpdateRegisteredModel, RegisteredModelAnswer];
  "registered_models.delete": [DeleteRegisteredModel, Nothing];
  "registered_models.search": [SearchRegisteredModels, RegisteredModelPage];
  "registered_models.get_latest_versions": [GetLatestVersions, LatestVersions];
  "registered_models.set_tag": [SetRegisteredModelTag, Nothing];
  "registered_models.delete_tag": [DeleteRegisteredModelTag, Nothing];
  "registered_models.set_alias": [SetAlias, Nothing];
  "registered_models.delete_alias": [DeleteAlias, Nothing];
  "registered_models.get_by_alias": [GetVersionByAlias, ModelVersionAnswer];
  "model_versions.create": [CreateModelVersion, ModelVersionAnswer];
  "model_versions.get": [GetModelVersion, ModelVersionAnswer];
  "model_versions.update": [UpdateModelVersion, ModelVersionAnswer];
  "model_versions.delete": [DeleteModelVersion, Nothing];
  "model_versions.search": [SearchModelVersions, ModelVersionPage];
  "model_versions.get_download_uri": [GetDownloadUri, DownloadUri];
  "model_versions.transition_stage": [TransitionStage, ModelVersionAnswer];
  "model_versions.set_tag": [SetModelVersionTag, Nothing];
  "model_versions.delete_tag": [DeleteModelVersionTag, Nothing];
  "model_records.history": [GetModelHistory, ModelHistory];
  "model_records.lineage": [GetLineage, Lineage];
  "model_records.compare": [CompareVersions, VersionComparison];
  "approvals.set_policy": [SetPolicy, PolicyAnswer];
  "approvals.delete_policy": [DeletePolicy, Nothing];
  "approvals.list_policies": [ListPolicies, Policies];
  "approvals.ask": [AskApproval, ApprovalAnswer];
  "approvals.search": [SearchApprovals, ApprovalPage];
  "approvals.get": [GetApproval, ApprovalAnswer];
  "approvals.grant": [DecideApproval, ApprovalAnswer];
  "approvals.refuse": [DecideApproval, ApprovalAnswer];
  "approvals.withdraw": [DecideApproval, ApprovalAnswer];
  "artifacts.list_files": [ListArtifacts, ArtifactList];
  "artifacts.presign_upload": [PresignUpload, PresignedUpload];
  "server.info": [GetServerInfo, ServerInfo];
  "trash.empty": [EmptyTrash, EmptiedTrash];
  "events.list_events": [ListEvents, EventPage];
  "events.clean": [CleanEvents, CleanedEvents];
  "deployments.report": [ReportDeployment, DeploymentAnswer];
  "deployments.heartbeat": [DeploymentHeartbeat, HeardDeployments];
  "deployments.list_deployments": [ListDeployments, DeploymentList];
  "deployments.get": [GetDeployment, DeploymentAnswer];
  "deployments.delete": [DeleteDeployment, Nothing];
  "jobs.submit": [SubmitJob, JobAnswer];
  "jobs.get": [GetJob, JobAnswer];
  "jobs.search": [SearchJobs, JobPage];
  "jobs.cancel": [CancelJob, JobAnswer];
  "jobs.list_executors": [ListExecutors, ExecutorList];
  "jobs.claim": [ClaimJob, JobAnswer];
  "jobs.report": [ReportJob, JobAnswer];
  "views.save": [SaveView, View];
  "views.list_all": [ListViews, Views];
  "views.delete": [DeleteView, Nothing];
  "webhooks.create": [CreateWebhook, WebhookAnswer];
  "webhooks.list_webhooks": [ListWebhooks, WebhookPage];
  "webhooks.get": [GetWebhook, WebhookAnswer];
  "webhooks.update": [UpdateWebhook, WebhookAnswer];
  "webhooks.delete": [DeleteWebhook, Nothing];
  "webhooks.test": [TestWebhook, WebhookTestAnswer];
  "webhooks.rotate_secret": [RotateWebhookSecret, WebhookAnswer];
  "webhooks.list_deliveries": [ListWebhookDeliveries, DeliveryPage];
  "webhooks.redeliver": [RedeliverWebhook, Nothing];
  "triggers.list_triggers": [ListTriggers, TriggerList];
  "triggers.list_runs": [ListTriggerRuns, DeliveryPage];
  "triggers.run_again": [RunTriggerAgain, Nothing];
}

/** Where each operation is. */
export const ROUTES = {
  "experiments.create": { verb: "POST", path: "/api/2.0/mlflow/experiments/create", writes: true },
  "experiments.get": { verb: "GET", path: "/api/2.0/mlflow/experiments/get", writes: false },
  "experiments.get_by_name": { verb: "GET", path: "/api/2.0/mlflow/experiments/get-by-name", writes: false },
  "experiments.search": { verb: "POST", path: "/api/2.0/mlflow/experiments/search", writes: false },
  "experiments.update": { verb: "POST", path: "/api/2.0/mlflow/experiments/update", writes: true },
  "experiments.delete": { verb: "POST", path: "/api/2.0/mlflow/experiments/delete", writes: true },
  "experiments.restore": { verb: "POST", path: "/api/2.0/mlflow/experiments/restore", writes: true },
  "experiments.set_tag": { verb: "POST", path: "/api/2.0/mlflow/experiments/set-experiment-tag", writes: true },
  "experiments.delete_tag": { verb: "POST", path: "/api/2.0/mlflow/experiments/delete-experiment-tag", writes: true },
  "experiments.keys": { verb: "POST", path: "/api/tidemill/1/experiments/keys", writes: false },
  "experiments.values": { verb: "POST", path: "/api/tidemill/1/experiments/values", writes: false },
  "runs.create": { verb: "POST", path: "/api/2.0/mlflow/runs/create", writes: true },
  "runs.get": { verb: "GET", path: "/api/2.0/mlflow/runs/get", writes: false },
  "runs.update": { verb: "POST", path: "/api/2.0/mlflow/runs/update", writes: true },
  "runs.delete": { verb: "POST", path: "/api/2.0/mlflow/runs/delete", writes: true },
  "runs.restore": { verb: "POST", path: "/api/2.0/mlflow/runs/restore", writes: true },
  "runs.search": { verb: "POST", path: "/api/2.0/mlflow/runs/search", writes: false },
  "runs.log_metric": { verb: "POST", path: "/api/2.0/mlflow/runs/log-metric", writes: true },
  "runs.log_param": { verb: "POST", path: "/api/2.0/mlflow/runs/log-parameter", writes: true },
  "runs.set_tag": { verb: "POST", path: "/api/2.0/mlflow/runs/set-tag", writes: true },
  "runs.delete_tag": { verb: "POST", path: "/api/2.0/mlflow/runs/delete-tag", writes: true },
  "runs.log_batch": { verb: "POST", path: "/api/2.0/mlflow/runs/log-batch", writes: true },
  "runs.log_model": { verb: "POST", path: "/api/2.0/mlflow/runs/log-model", writes: true },
  "runs.heartbeat": { verb: "POST", path: "/api/tidemill/1/runs/heartbeat", writes: true },
  "runs.ingest": { verb: "POST", path: "/api/tidemill/1/runs/{run_id}/ingest", writes: true },
  "runs.table": { verb: "POST", path: "/api/tidemill/1/runs/table", writes: false },
  "runs.groups": { verb: "POST", path: "/api/tidemill/1/runs/groups", writes: false },
  "metrics.get_history": { verb: "GET", path: "/api/2.0/mlflow/metrics/get-history", writes: false },
  "metrics.get_history_bulk": { verb: "GET", path: "/ajax-api/2.0/mlflow/metrics/get-history-bulk", writes: false },
  "metrics.get_history_interval": { verb: "GET", path: "/api/2.0/mlflow/metrics/get-history-bulk-interval", writes: false },
  "metrics.curves": { verb: "POST", path: "/api/tidemill/1/metrics/curves", writes: false },
  "inputs.log": { verb: "POST", path: "/api/2.0/mlflow/runs/log-inputs", writes: true },
  "inputs.log_outputs": { verb: "POST", path: "/api/2.0/mlflow/runs/outputs", writes: true },
  "inputs.search_datasets": { verb: "POST", path: "/ajax-api/2.0/mlflow/experiments/search-datasets", writes: false },
  "logged_models.create": { verb: "POST", path: "/api/2.0/mlflow/logged-models", writes: true },
  "logged_models.get": { verb: "GET", path: "/api/2.0/mlflow/logged-models/{model_id}", writes: false },
  "logged_models.finalize": { verb: "PATCH", path: "/api/2.0/mlflow/logged-models/{model_id}", writes: true },
  "logged_models.delete": { verb: "DELETE", path: "/api/2.0/mlflow/logged-models/{model_id}", writes: true },
  "logged_models.search": { verb: "POST", path: "/api/2.0/mlflow/logged-models/search", writes: false },
  "logged_models.set_tags": { verb: "PATCH", path: "/api/2.0/mlflow/logged-models/{model_id}/tags", writes: true },
  "logged_models.delete_tag": { verb: "DELETE", path: "/api/2.0/mlflow/logged-models/{model_id}/tags/{tag_key}", writes: true },
  "logged_models.log_params": { verb: "POST", path: "/api/2.0/mlflow/logged-models/{model_id}/params", writes: true },
  "logged_models.list_artifacts": { verb: "GET", path: "/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories", writes: false },
  "registered_models.create": { verb: "POST", path: "/api/2.0/mlflow/registered-models/create", writes: true },
  "registered_models.get": { verb: "GET", path: "/api/2.0/mlflow/registered-models/get", writes: false },
  "registered_models.rename": { verb: "POST", path: "/api/2.0/mlflow/registered-models/rename", writes: true },
  "registered_models.update": { verb: "PATCH", path: "/api/2.0/mlflow/registered-models/update", writes: true },
  "registered_models.delete": { verb: "DELETE", path: "/api/2.0/mlflow/registered-models/delete", writes: true },
  "registered_models.search": { verb: "GET", path: "/api/2.0/mlflow/registered-models/search", writes: false },
  "registered_models.get_latest_versions": { verb: "POST", path: "/api/2.0/mlflow/registered-models/get-latest-versions", writes: false },
  "registered_models.set_tag": { verb: "POST", path: "/api/2.0/mlflow/registered-models/set-tag", writes: true },
  "registered_models.delete_tag": { verb: "DELETE", path: "/api/2.0/mlflow/registered-models/delete-tag", writes: true },
  "registered_models.set_alias": { verb: "POST", path: "/api/2.0/mlflow/registered-models/alias", writes: true },
  "registered_models.delete_alias": { verb: "DELETE", path: "/api/2.0/mlflow/registered-models/alias", writes: true },
  "registered_models.get_by_alias": { verb: "GET", path: "/api/2.0/mlflow/registered-models/alias", writes: false },
  "model_versions.create": { verb: "POST", path: "/api/2.0/mlflow/model-versions/create", writes: true },
  "model_versions.get": { verb: "GET", path: "/api/2.0/mlflow/model-versions/get", writes: false },
  "model_versions.update": { verb: "PATCH", path: "/api/2.0/mlflow/model-versions/update", writes: true },
  "model_versions.delete": { verb: "DELETE", path: "/api/2.0/mlflow/model-versions/delete", writes: true },
  "model_versions.search": { verb: "GET", path: "/api/2.0/mlflow/model-versions/search", writes: false },
  "model_versions.get_download_uri": { verb: "GET", path: "/api/2.0/mlflow/model-versions/get-download-uri", writes: false },
  "model_versions.transition_stage": { verb: "POST", path: "/api/2.0/mlflow/model-versions/transition-stage", writes: true },
  "model_versions.set_tag": { verb: "POST", path: "/api/2.0/mlflow/model-versions/set-tag", writes: true },
  "model_versions.delete_tag": { verb: "DELETE", path: "/api/2.0/mlflow/model-versions/delete-tag", writes: true },
  "model_records.history": { verb: "GET", path: "/api/tidemill/1/registered-models/history", writes: false },
  "model_records.lineage": { verb: "GET", path: "/api/tidemill/1/model-versions/lineage", writes: false },
  "model_records.compare": { verb: "GET", path: "/api/tidemill/1/model-versions/compare", writes: false },
  "approvals.set_policy": { verb: "POST", path: "/api/tidemill/1/approval-policies", writes: true },
  "approvals.delete_policy": { verb: "DELETE", path: "/api/tidemill/1/approval-policies", writes: true },
  "approvals.list_policies": { verb: "GET", path: "/api/tidemill/1/approval-policies", writes: false },
  "approvals.ask": { verb: "POST", path: "/api/tidemill/1/approvals", writes: true },
  "approvals.search": { verb: "GET", path: "/api/tidemill/1/approvals", writes: false },
  "approvals.get": { verb: "GET", path: "/api/tidemill/1/approvals/{id}", writes: false },
  "approvals.grant": { verb: "POST", path: "/api/tidemill/1/approvals/{id}/grant", writes: true },
  "approvals.refuse": { verb: "POST", path: "/api/tidemill/1/approvals/{id}/refuse", writes: true },
  "approvals.withdraw": { verb: "POST", path: "/api/tidemill/1/approvals/{id}/withdraw", writes: true },
  "artifacts.list_files": { verb: "GET", path: "/api/2.0/mlflow/artifacts/list", writes: false },
  "artifacts.presign_upload": { verb: "POST", path: "/api/2.0/mlflow/artifacts/presigned-upload-url", writes: false },
  "server.info": { verb: "GET", path: "/api/3.0/mlflow/server-info", writes: false },
  "trash.empty": { verb: "POST", path: "/api/tidemill/1/trash/empty", writes: true },
  "events.list_events": { verb: "GET", path: "/api/tidemill/1/events", writes: false },
  "events.clean": { verb: "POST", path: "/api/tidemill/1/events/clean", writes: true },
  "deployments.report": { verb: "POST", path: "/api/tidemill/1/deployments", writes: true },
  "deployments.heartbeat": { verb: "POST", path: "/api/tidemill/1/deployments/heartbeat", writes: true },
  "deployments.list_deployments": { verb: "GET", path: "/api/tidemill/1/deployments", writes: false },
  "deployments.get": { verb: "GET", path: "/api/tidemill/1/deployments/{deployment_id}", writes: false },
  "deployments.delete": { verb: "DELETE", path: "/api/tidemill/1/deployments/{deployment_id}", writes: true },
  "jobs.submit": { verb: "POST", path: "/api/tidemill/1/jobs", writes: true },
  "jobs.get": { verb: "GET", path: "/api/tidemill/1/jobs/{job_id}", writes: false },
  "jobs.search": { verb: "POST", path: "/api/tidemill/1/jobs/search", writes: false },
  "jobs.cancel": { verb: "POST", path: "/api/tidemill/1/jobs/{job_id}/cancel", writes: true },
  "jobs.list_executors": { verb: "GET", path: "/api/tidemill/1/executors", writes: false },
  "jobs.claim": { verb: "POST", path: "/api/tidemill/1/jobs/claim", writes: true },
  "jobs.report": { verb: "POST", path: "/api/tidemill/1/jobs/{job_id}/report", writes: true },
  "views.save": { verb: "POST", path: "/api/tidemill/1/views/save", writes: true },
  "views.list_all": { verb: "GET", path: "/api/tidemill/1/views/list", writes: false },
  "views.delete": { verb: "POST", path: "/api/tidemill/1/views/delete", writes: true },
  "webhooks.create": { verb: "POST", path: "/api/2.0/mlflow/webhooks", writes: true },
  "webhooks.list_webhooks": { verb: "GET", path: "/api/2.0/mlflow/webhooks", writes: false },
  "webhooks.get": { verb: "GET", path: "/api/2.0/mlflow/webhooks/{webhook_id}", writes: false },
  "webhooks.update": { verb: "PATCH", path: "/api/2.0/mlflow/webhooks/{webhook_id}", writes: true },
  "webhooks.delete": { verb: "DELETE", path: "/api/2.0/mlflow/webhooks/{webhook_id}", writes: true },
  "webhooks.test": { verb: "POST", path: "/api/2.0/mlflow/webhooks/{webhook_id}/test", writes: false },
  "webhooks.rotate_secret": { verb: "POST", path: "/api/tidemill/1/webhooks/{webhook_id}/rotate-secret", writes: true },
  "webhooks.list_deliveries": { verb: "GET", path: "/api/tidemill/1/webhooks/{webhook_id}/deliveries", writes: false },
  "webhooks.redeliver": { verb: "POST", path: "/api/tidemill/1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", writes: true },
  "triggers.list_triggers": { verb: "GET", path: "/api/tidemill/1/triggers", writes: false },
  "triggers.list_runs": { verb: "GET", path: "/api/tidemill/1/triggers/{name}/runs", writes: false },
  "triggers.run_again": { verb: "POST", path: "/api/tidemill/1/triggers/{name}/runs/{delivery_id}/again", writes: true },
} as const;
