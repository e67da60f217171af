"""Decisions and manifests to report on."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

from jenkins_ml.core.evaluation.curves import Curves
from jenkins_ml.records import Commit, Condition, Decision, Lineage, Manifest, Measurement, Signature, VersionRef
from jenkins_ml.reporting.data import PastDecision, ReportData

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
        lower_is_better=True,
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


# --- a binary model, with slices, scores and a past ------------------------------------------------------------------


def measured(metric: str, where: str, count: int, candidate: float, production: float, spread: float) -> Measurement:
    """Intervals that narrow with the number of examples; `spread` is of the difference on one example."""
    difference, reach = candidate - production, spread / math.sqrt(count)
    most = math.inf if metric == "loss" else 1.0
    return Measurement(
        metric=metric, slice=where, count=count, candidate=candidate, candidate_low=candidate - 2 * reach,
        candidate_high=min(candidate + 2 * reach, most), baseline=production, baseline_low=production - 2 * reach,
        baseline_high=min(production + 2 * reach, most), difference=difference, low=difference - reach, high=difference + reach,
        error=1.1e-5 if metric == "roc_auc" else 0.0, lower_is_better=metric == "loss",
    )  # fmt: skip


COUNTRIES = {
    "DE": (24_536, 0.012), "FR": (19_900, 0.009), "GB": (12_200, 0.004), "PL": (5_200, -0.024), "ES": (3_900, -0.003),
    "AT": (1_320, -0.006), "CH": (880, 0.002), "LU": (64, -0.061),
}  # fmt: skip
MEASUREMENTS = (
    measured("accuracy", "", 68_000, 0.8931, 0.8862, 0.4),
    measured("roc_auc", "", 68_000, 0.9417, 0.9352, 0.35),
    measured("loss", "", 68_000, 0.2714, 0.2839, 0.8),
    *(
        measured(metric, f"country={country}", count, base + sign * change, base, spread)
        for metric, base, sign, spread in (
            ("accuracy", 0.8862, 1, 0.55),
            ("roc_auc", 0.9352, 0.7, 0.5),
            ("loss", 0.28, -1.4, 1),
        )
        for country, (count, change) in COUNTRIES.items()
    ),
    replace(measured("accuracy", "plan=free & country=LU", 9, 0.7778, 0.8889, 1), low=None, high=None),
)


def sliced(country: str, outcome: str, reason: str) -> Condition:
    """What came of accuracy in a country."""
    [item] = [item for item in MEASUREMENTS if (item.metric, item.slice) == ("accuracy", f"country={country}")]
    return Condition(
        name=f"accuracy max_regression where country={country}", metric="accuracy", kind="max_regression", outcome=outcome,
        candidate=item.candidate, baseline=item.baseline, limit=0.01, low=item.low, high=item.high, count=item.count,
        needed=None, reason=f"{item.slice}: {reason}", slice=item.slice,
    )  # fmt: skip


BINARY_CONDITIONS = (
    Condition(
        name="accuracy min", metric="accuracy", kind="min", outcome="passed", candidate=0.8931, baseline=0.8862,
        limit=0.88, low=None, high=None, count=68_000, needed=None, reason="accuracy 0.8931 is at least 0.88",
    ),
    Condition(
        name="roc_auc max_regression", metric="roc_auc", kind="max_regression", outcome="passed", candidate=0.9417,
        baseline=0.9352, limit=0.002, low=0.0052, high=0.0078, count=68_000, needed=None,
        reason="roc_auc 0.9417 against 0.9352 in production: at 95 % confidence at worst 0.005158 better, 0.002 is allowed",
    ),
    Condition(
        name="loss max", metric="loss", kind="max", outcome="passed", candidate=0.2714, baseline=0.2839, limit=0.3,
        low=None, high=None, count=68_000, needed=None, reason="loss 0.2714 is at most 0.3",
        lower_is_better=True,
    ),
    *(sliced(country, "passed", "no worse than allowed") for country in ("DE", "FR", "GB", "ES", "CH")),
    sliced("PL", "failed", "accuracy 0.8622 against 0.8862 in production: at 95 % confidence at best 0.01637 worse, only "
           "0.01 is allowed"),
    sliced("AT", "inconclusive", "between 0.0211 worse and 0.009139 better, 0.01 is allowed; there are 1,320 examples, "
           "about 9,400 would settle it"),
    Condition(
        name="slice size where country=LU", metric="slice", kind="size", outcome="skipped", candidate=None,
        baseline=None, limit=None, low=None, high=None, count=64, needed=None, slice="country=LU",
        reason="country=LU: not judged: 64 examples are fewer than min_examples 200",
    ),
    Condition(
        name="accuracy warn_slices", metric="accuracy", kind="warn_slices", outcome="warned", candidate=None,
        baseline=None, limit=None, low=None, high=None, count=5_200, needed=None,
        reason="accuracy is worse than in production in 1 of 7 slices, at 95 % confidence for all of them together: "
        "country=PL",
    ),
)  # fmt: skip

BINARY_DECISION = Decision(
    run="jenkins-churn-108", model="churn", environment="production", verdict="rejected",
    summary="accuracy on country=PL is 0.024 below production, and 0.01 is allowed",
    candidate=VersionRef(version=31, manifest_digest="ab" * 32),
    baseline=VersionRef(version=29, manifest_digest="cd" * 32), data_digest="ef" * 32, count=68_000, confidence=0.95,
    conditions=BINARY_CONDITIONS, metrics={"accuracy": 0.8931, "roc_auc": 0.9417, "loss": 0.2714},
    baseline_metrics={"accuracy": 0.8862, "roc_auc": 0.9352, "loss": 0.2839}, created="2026-03-02T03:04:05Z",
    measurements=MEASUREMENTS,
)  # fmt: skip


def curves(separation: float, bias: float) -> Curves:
    """Of scores that are normal in each class, `separation` apart, with 28 of 100 examples of class 1."""
    normal, share = NormalDist(), 0.28
    thresholds = [4 + separation - step * (8 + separation) / 80 for step in range(81)]
    rates = [(normal.cdf(-t), normal.cdf(separation - t)) for t in thresholds]
    precision = [(tp, share * tp / (share * tp + (1 - share) * fp)) for fp, tp in rates]
    bins = [0.03, 0.12, 0.24, 0.35, 0.45, 0.55, 0.66, 0.75, 0.86, 0.96]
    counts = [31_000, 9_600, 5_100, 3_300, 2_400, 2_100, 2_300, 2_900, 4_100, 5_200]
    return Curves(
        roc=((0.0, 0.0), *rates, (1.0, 1.0)),
        precision_recall=tuple(precision),
        calibration=tuple(
            (score, round((score + bias * math.sin(math.pi * score) ** 2) * count) / count, count)
            for score, count in zip(bins, counts, strict=True)
        ),
    )


def past(version: int, verdict: str, accuracy: float, loss: float, roc_auc: float | None) -> PastDecision:
    """One decision of the past."""
    return PastDecision(
        version=version, created=f"2026-02-{version:02}T03:04:05Z", verdict=verdict,
        metrics={"accuracy": accuracy, "loss": loss, "roc_auc": roc_auc},
    )  # fmt: skip


BINARY = ReportData(
    decision=BINARY_DECISION,
    candidate=replace(manifest(12), model="churn", version=31),
    baseline=replace(manifest(11), model="churn", version=29),
    confusion=((48_900, 3_460), (3_809, 11_831)),
    baseline_confusion=((48_610, 3_750), (3_988, 11_652)),
    curves=curves(2.2, 0.01),
    baseline_curves=curves(2.05, -0.09),
    history=(
        past(22, "approved", 0.8713, 0.3121, None),
        past(23, "rejected", 0.8597, 0.3402, None),
        past(24, "approved", 0.8771, 0.2998, 0.9264),
        past(26, "inconclusive", 0.8768, 0.2989, 0.9271),
        past(27, "approved", 0.8829, 0.2893, 0.9311),
        past(28, "rejected", 0.8702, 0.3077, 0.9188),
        past(29, "approved", 0.8862, 0.2839, 0.9352),
    ),
)

FILES = ReportData(
    decision=replace(
        BINARY_DECISION, verdict="approved", summary="3 of 3 conditions passed on 68,000 examples", candidate=None,
        baseline=None, candidate_file="scores/new.parquet", baseline_file="scores/old.parquet",
        conditions=BINARY_CONDITIONS[:3], measurements=MEASUREMENTS[:3],
    ),
    candidate=None, baseline=None, confusion=BINARY.confusion, baseline_confusion=BINARY.baseline_confusion,
    curves=BINARY.curves, baseline_curves=BINARY.baseline_curves,
)  # fmt: skip
