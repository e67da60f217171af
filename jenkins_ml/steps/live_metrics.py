"""How good production is: its kept predictions, with the labels that have come by now."""

from __future__ import annotations

import glob
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jenkins_ml import names
from jenkins_ml.core.samples import Sample
from jenkins_ml.errors import UsageError
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps.common import Project

if TYPE_CHECKING:  # NumPy comes with it: only who measures needs it
    from jenkins_ml.core.live_metrics import LiveMetric


def by_labels(
    project: Project, environment: str, version: int, files: Sequence[Path], report: Reporter
) -> tuple[LiveMetric, ...]:
    """The gate's metrics of a version, of its predictions within `monitor.live.window` whose labels have come.

    Args:
        project: the model.
        environment: where it serves.
        version: which.
        files: with labels; none: those that `monitor.live.labels` names.
        report: hears of what is left out.

    Returns:
        None of them where nothing is configured, or no label has come yet.

    Raises:
        UsageError: files were named, and no predictions are kept; or a file cannot be used.
        StageFailed: the labels are none of this model.
    """
    live = project.config.monitor.live if project.config.monitor is not None else None
    if live is None:
        if files:
            raise UsageError(
                "no predictions are kept that labels could be joined to",
                f"set monitor.live.directory in {names.CONFIG_FILE}, and start the server anew",
            )
        return ()
    if not files and live.labels is not None:
        files = found(project.directory, live.labels)
    from jenkins_ml.adapters.live_metrics import answer_log

    now = datetime.now(UTC)
    place = answer_log.folder(project.directory / live.directory, project.config.model, environment, version)
    for each in place.parent.glob("v*"):  # also those of versions that serve no longer
        answer_log.prune(each, now - live.keep)
    if not files:
        return ()
    import numpy as np  # a look without labels need not wait for it

    from jenkins_ml.adapters.live_metrics import labels
    from jenkins_ml.core.live_metrics import measured

    known = labels.read(files)
    ids, scores = answer_log.kept(place, known, now - live.window)
    if not ids:
        report.step(f"none of {len(known):,} labels is of a request that version {version} has answered")
        return ()
    return measured(project.config.gate, np.array([known[id_] for id_ in ids]), scores)


def found(directory: Path, pattern: str) -> list[Path]:
    """The files that `monitor.live.labels` names, in order.

    Args:
        directory: that a relative pattern is relative to.
        pattern: such as labels/*.csv or /srv/labels/**/*.csv.
    """
    listed = glob.iglob(pattern, root_dir=directory, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute one
    return sorted(path for name in listed if (path := directory / name).is_file())


def plain(metric: LiveMetric) -> dict[str, object]:
    """A metric for JSON, which knows no infinite numbers: None is an end of the interval that is not known."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(metric).items()
    }


def sentence(metric: LiveMetric) -> str:
    """A metric in words."""
    by = f"{metric.count:,} labels" if metric.source == "labels" else f"estimated from {metric.count:,} predictions"
    return f"{metric.name} in production: {metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g}, {by})"


def samples(shown: Sequence[LiveMetric], model: str, environment: str, version: int) -> Iterator[Sample]:
    """What Prometheus is told of them."""
    for each in shown:
        labels = {
            "model": model,
            "environment": environment,
            "version": str(version),
            "metric": each.name,
            "from": each.source,
        }
        yield Sample(names.METRIC_LIVE, each.value, labels)
        yield Sample(names.METRIC_LIVE_LOW, each.low, labels)
        yield Sample(names.METRIC_LIVE_HIGH, each.high, labels)
