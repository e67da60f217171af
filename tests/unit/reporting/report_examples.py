"""Decisions and manifests to report on."""

from __future__ import annotations

from dataclasses import replace

from jenkins_ml.records import Commit, Condition, Decision, Lineage, Manifest, Signature, VersionRef
from jenkins_ml.reporting.data import ReportData

CONDITIONS = (
    Condition(
        name="accuracy min", metric="accuracy", kind="min", outcome="passed", candidate=0.9712, baseline=0.9688,
        limit=0.95, low=None, high=None, count=10_000, needed=None, reason="0.9712 is at least 0.95",
    ),
    Condition(
        name="accuracy max_regression", metric="accuracy", kind="max_regression", outcome="passed", candidate=0.9712,
        baseline=0.9688, limit=0.005, low=-0.0011, high=0.0059, count=10_000, needed=None,
        reason="at most 0.0011 worse than production, and 0.005 is allowed",
    ),
    Condition(
        name="loss max_regression", metric="loss", kind="max_regression", outcome="inconclusive", candidate=0.1042,
        baseline=0.0987, limit=0.01, low=-0.0021, high=0.0131, count=10_000, needed=24_000,
        reason="0.0021 better to 0.0131 worse than production; 0.01 is allowed, 24000 examples would settle it",
    ),
    Condition(
        name="f1 max", metric="f1", kind="max", outcome="warned", candidate=0.9701, baseline=None, limit=0.97,
        low=None, high=None, count=10_000, needed=None, reason="0.9701 is above 0.97",
    ),
)  # fmt: skip

DECISION = Decision(
    run="jenkins-digits-42", model="digits", environment="production", verdict="inconclusive",
    summary="the data cannot tell about loss max_regression",
    candidate=VersionRef(version=12, manifest_digest="ab" * 32),
    baseline=VersionRef(version=11, manifest_digest="cd" * 32), data_digest="ef" * 32, count=10_000, confidence=0.95,
    conditions=CONDITIONS, metrics={"accuracy": 0.9712, "loss": 0.1042, "f1": 0.9701, "recall": 0.9695},
    baseline_metrics={"accuracy": 0.9688, "loss": 0.0987, "f1": None, "recall": 0.9702}, created="2025-11-23T03:04:05Z",
)  # fmt: skip


def manifest(version: int) -> Manifest:
    """Version 12 was trained with other parameters than version 11."""
    return Manifest(
        model="digits", version=version, created="2025-11-23T03:00:00Z", framework="keras", artefact_digest="12" * 32,
        files=(), signature=Signature(inputs=(), outputs=()), metrics={"accuracy": 0.9712},
        curves={
            "loss": (0.61, 0.33, 0.24, 0.18, 0.141, 0.113, 0.096, 0.081, 0.07, 0.062),
            "val_loss": (0.38, 0.27, 0.211, 0.172, 0.148, 0.131, 0.119, 0.112, 0.107, 0.104),
            "accuracy": (0.81, 0.902, 0.931, 0.948, 0.958, 0.966, 0.971, 0.976, 0.979, 0.982),
            "val_accuracy": (0.889, 0.921, 0.938, 0.949, 0.955, 0.961, 0.965, 0.968, 0.97, 0.9712),
        },
        lineage=Lineage(
            commit=Commit(sha="0123456789abcdef0123456789abcdef01234567", branch="main", dirty=version == 12),
            data_digest="ef" * 32, training="model:train",
            params={"epochs": 10, "layers": [64, 64], "optimizer": "adam", "learning_rate": version / 12000},
            environment={"python": "3.11.2", "keras": "3.12.0", "tensorflow": "2.20.0"}, run="jenkins-digits-42",
            built_by="https://jenkins.example.com/job/digits/42/", compared_with=11 if version == 12 else None,
        ),
    )  # fmt: skip


def confusion(classes: int, errors: int) -> tuple[tuple[int, ...], ...]:
    """A plausible matrix: most right, some taken for the next class, few for the one after."""
    return tuple(
        tuple(
            970 - 7 * row if row == column else errors if column == (row + 1) % classes else (row * column) % 7 // 4
            for column in range(classes)
        )
        for row in range(classes)
    )


DATA = ReportData(
    decision=DECISION, candidate=manifest(12), baseline=manifest(11), confusion=confusion(10, 23),
    baseline_confusion=confusion(10, 31),
)  # fmt: skip

FIRST = ReportData(
    decision=replace(
        DECISION, verdict="approved", summary="every condition holds", baseline=None, baseline_metrics={},
        conditions=(
            CONDITIONS[0],
            replace(CONDITIONS[1], outcome="skipped", baseline=None, low=None, high=None, reason="there is none"),
        ),
    ),
    candidate=replace(manifest(12), curves={}), baseline=None, confusion=None, baseline_confusion=None,
)  # fmt: skip
