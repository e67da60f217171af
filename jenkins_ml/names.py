"""Every name that crosses a process boundary: files, environment variables, headers, metrics."""

from __future__ import annotations

from typing import Final

CONFIG_FILE: Final = "jenkins-ml.yaml"
PROJECT_DIR: Final = ".jenkins-ml"
DEFAULT_STORE: Final = ".jenkins-ml/models"
REPORTS_DIR: Final = ".jenkins-ml/reports"

# --- environment variables -------------------------------------------------------------------------------------------
ENV_RUN: Final = "JENKINS_ML_RUN"
ENV_STORE: Final = "JENKINS_ML_STORE"
ENV_PARAMS: Final = "JENKINS_ML_PARAMS"  # the training parameters as one JSON object, for a training command
ENV_WARM: Final = "JENKINS_ML_WARM"  # the socket of a process that has TensorFlow imported and forks workers
# Jenkins says so in every build; JENKINS_URL and BUILD_URL are not always set, and JENKINS_URL also names a server for `jobs`.
ENV_BUILD_TAG: Final = "BUILD_TAG"

# --- model store -----------------------------------------------------------------------------------------------------
MANIFEST: Final = "manifest.json"
VERSIONS: Final = "versions"
BRANCHES: Final = "branches"
RESERVATIONS: Final = "reservations"
PREDICTIONS: Final = "predictions"
RUNS: Final = "runs"
JOURNAL: Final = "journal"
SERVING: Final = "serving"
LOCKS: Final = "locks"
SERVERS: Final = "servers"

# --- the embedded server ---------------------------------------------------------------------------------------------
ADMIN_PREFIX: Final = "/jenkins-ml/v1"
VERSION_HEADER: Final = "x-jenkins-ml-version"  # on every predict answer: the version that answered
METRIC_REQUESTS: Final = "jenkins_ml_requests_total"
METRIC_LATENCY: Final = "jenkins_ml_request_duration_seconds"
METRIC_NAN: Final = "jenkins_ml_nan_predictions_total"
METRIC_WEIGHT: Final = "jenkins_ml_traffic_weight"
METRIC_LOADED: Final = "jenkins_ml_version_loaded_timestamp_seconds"
