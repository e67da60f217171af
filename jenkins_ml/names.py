"""Every name that crosses a process boundary: files, environment variables, headers, metrics."""

from __future__ import annotations

from typing import Final

CONFIG_FILE: Final = "jenkins-ml.yaml"
PROJECT_DIR: Final = ".jenkins-ml"
DEFAULT_STORE: Final = ".jenkins-ml/models"
REPORTS_DIR: Final = ".jenkins-ml/reports"
FAILURE_FILE: Final = ".jenkins-ml/reports/failure.txt"  # why the last command of a Jenkins build failed
INSTALL_SCRIPT: Final = ".jenkins-ml/install.sh"

# --- environment variables -------------------------------------------------------------------------------------------
ENV_RUN: Final = "JENKINS_ML_RUN"
ENV_STORE: Final = "JENKINS_ML_STORE"
ENV_PARAMS: Final = "JENKINS_ML_PARAMS"  # the training parameters as one JSON object, for a training command
ENV_WARM: Final = "JENKINS_ML_WARM"  # the socket of a process that has TensorFlow imported and forks workers
ENV_PARAM_PREFIX: Final = "JENKINS_ML_PARAM_"  # and the name of a training parameter: a text that overrides it
ENV_FORGE_TOKEN: Final = "JENKINS_ML_FORGE_TOKEN"  # noqa: S105 - a name: of what `publish` shows to GitHub or GitLab
ENV_TEST_REPORTS: Final = "JENKINS_ML_TEST_REPORTS"  # folder whose *.xml are the JUnit results of the tests
ENV_APPROVER: Final = "JENKINS_ML_APPROVER"  # who agreed to a release, from the Jenkinsfile's input stage
ENV_SIGNERS: Final = "JENKINS_ML_SIGNERS"  # the file of those whose signatures approve releases
ENV_SAMPLE_TOKEN_FILE: Final = "JENKINS_ML_SAMPLE_TOKEN_FILE"  # noqa: S105 - of a server in a pod: who may take its sample
ENV_ALERT_TOKEN: Final = "JENKINS_ML_ALERT_TOKEN"  # noqa: S105 - a name: of what `alert-hook` asks its senders for
ENV_ORIGIN_PREFIX: Final = "JENKINS_ML_ORIGIN_"  # of a server in a container: where its version comes from, for its log
ENV_SERVED: Final = "JENKINS_ML_ENVIRONMENT"  # and the environment that it serves, for the same
ENV_PROMOTE_VERSION: Final = "JENKINS_ML_PROMOTE_VERSION"
ENV_ROLLBACK_TO: Final = "JENKINS_ML_ROLLBACK_TO"
ENV_ROLLBACK_REASON: Final = "JENKINS_ML_ROLLBACK_REASON"
# Jenkins says so in every build; JENKINS_URL and BUILD_URL are not always set, and JENKINS_URL also names a server for `jobs`.
ENV_BUILD_TAG: Final = "BUILD_TAG"
ENV_NODE: Final = "NODE_NAME"  # the agent that a build's stage runs on
ENV_TRACEPARENT: Final = "TRACEPARENT"  # W3C's; the OpenTelemetry plugin sets it in builds
# The server that `jobs` works on. Jenkins sets the first in its builds too, to the address of the server itself.
ENV_JENKINS_URL: Final = "JENKINS_URL"
ENV_JENKINS_USER: Final = "JENKINS_USER"
ENV_JENKINS_TOKEN: Final = "JENKINS_TOKEN"  # noqa: S105 - a name
ENV_JENKINS_PROFILE: Final = "JENKINS_ML_SERVER"  # a profile of servers.toml, instead of those three

# --- model store -----------------------------------------------------------------------------------------------------
MANIFEST: Final = "manifest.json"
VERSIONS: Final = "versions"
# Among a version's files, in the folder that SavedModels have for what others add to them.
REFERENCE: Final = "assets.extra/jenkins-ml-reference.json"
BRANCHES: Final = "branches"
RESERVATIONS: Final = "reservations"
PREDICTIONS: Final = "predictions"
EVIDENCE: Final = "evidence"
SUMMARIES: Final = "summaries"  # of what versions were asked
RUNS: Final = "runs"
JOURNAL: Final = "journal"
SERVING: Final = "serving"
LOCKS: Final = "locks"
SERVERS: Final = "servers"
APPROVALS: Final = "approvals"
RETRAININGS: Final = "retrainings"  # that alerts have started
SIGNERS: Final = "signers"  # those whose signatures approve releases, where ENV_SIGNERS names no other file
SIGNATURES: Final = "jenkins-ml"  # the namespace of signatures: one that was given for something else is none of ours

# --- the embedded server ---------------------------------------------------------------------------------------------
ADMIN_PREFIX: Final = "/jenkins-ml/v1"
SAMPLE_PATH: Final = ADMIN_PREFIX + "/sample"
SUMMARY_PATH: Final = ADMIN_PREFIX + "/summary"
TOKEN_HEADER: Final = "x-jenkins-ml-token"  # noqa: S105 - a name; an API server passes no Authorization on to a pod
SHORTEST_TOKEN: Final = 32  # characters; what is shorter was not made by a deployer, and could be guessed
VERSION_HEADER: Final = "x-jenkins-ml-version"  # on every predict answer: the version that answered
REQUEST_HEADER: Final = "x-request-id"  # what a client calls its request; answered where requests are logged
TRACE_HEADER: Final = "traceparent"  # W3C's
METRIC_REQUESTS: Final = "jenkins_ml_requests_total"
METRIC_LATENCY: Final = "jenkins_ml_request_duration_seconds"
# Upper bounds in seconds of the buckets that latencies are counted in; longer ones have the last bucket to themselves.
LATENCY_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METRIC_NAN: Final = "jenkins_ml_nan_predictions_total"
METRIC_WEIGHT: Final = "jenkins_ml_traffic_weight"
METRIC_LOADED: Final = "jenkins_ml_version_loaded_timestamp_seconds"

# --- metrics of the pipeline, by model and stage, and what `monitor` found, by model, environment and version ----------
METRIC_STAGE_COMPLETED: Final = "jenkins_ml_stage_last_completion_timestamp_seconds"
METRIC_STAGE_SUCCEEDED: Final = "jenkins_ml_stage_last_success_timestamp_seconds"
METRIC_STAGE_FAILED: Final = "jenkins_ml_stage_last_failure_timestamp_seconds"
METRIC_STAGE_DURATION: Final = "jenkins_ml_stage_duration_seconds"
METRIC_STAGE_EXIT_CODE: Final = "jenkins_ml_stage_last_exit_code"
METRIC_STAGE_ROWS: Final = "jenkins_ml_stage_rows"
METRIC_STAGE_VERSION: Final = "jenkins_ml_stage_version"
METRIC_MODEL: Final = "jenkins_ml_model_metric"  # by "metric" and "of": training, gate or production
METRIC_RELEASED: Final = "jenkins_ml_release_timestamp_seconds"
METRIC_RELEASED_VERSION: Final = "jenkins_ml_release_version"
METRIC_DRIFT_DISTANCE: Final = "jenkins_ml_drift_distance"  # by "feature", "against" and "measure"
METRIC_DRIFT_DETECTED: Final = "jenkins_ml_drift_detected"  # by "feature" and "against": 0 or 1
METRIC_LIVE: Final = "jenkins_ml_live_metric"  # by "metric", and "from": labels or estimate
METRIC_LIVE_LOW: Final = "jenkins_ml_live_metric_low"
METRIC_LIVE_HIGH: Final = "jenkins_ml_live_metric_high"

# --- what we make in an engine: labels (Kubernetes takes at most 63 characters as a value) and annotations ------------
OWNER: Final = "jenkins-ml"  # who manages it: the value of app.kubernetes.io/managed-by, and our field manager
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_MODEL: Final = "jenkins-ml.io/model"
LABEL_ENVIRONMENT: Final = "jenkins-ml.io/environment"
LABEL_VERSION: Final = "jenkins-ml.io/version"
LABEL_ROLE: Final = "jenkins-ml.io/role"  # "server" or "proxy"
LABEL_RELEASE_PREFIX: Final = "release.jenkins-ml.io/"  # and a version: on its pods and those of its canary
# Why it runs; as labels on Docker, as annotations on Kubernetes.
NOTE_DIGEST: Final = "jenkins-ml.io/manifest-digest"
NOTE_COMMIT: Final = "jenkins-ml.io/commit"
NOTE_RUN: Final = "jenkins-ml.io/run"
NOTE_BY: Final = "jenkins-ml.io/by"
NOTE_BUILD: Final = "jenkins-ml.io/build"  # that made the version
NOTE_RELEASE: Final = "jenkins-ml.io/release"  # number of the journal's entry that began its release
NOTE_IMAGE: Final = "jenkins-ml.io/image"  # what the server runs, by digest
