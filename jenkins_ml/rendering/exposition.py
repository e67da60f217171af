"""Samples in the text format of Prometheus, each metric once with its help and type, and such texts put together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from jenkins_ml.core.monitoring.promql import text as quoted  # both formats write a label's value alike
from jenkins_ml.core.samples import Sample

_BLOCK: Final = re.compile(r"^# HELP (\S+)", re.MULTILINE)


def text(samples: Iterable[Sample], helps: Mapping[str, str], labels: Mapping[str, str] | None = None) -> str:
    """The samples as gauges, in the order of their names.

    Args:
        samples: those of one name and equal labels count once, the last one.
        helps: metric -> what it is, in one sentence.
        labels: that every sample has besides its own; they win.
    """
    lines: dict[str, dict[str, str]] = {}
    for sample in samples:
        own = _labels({**sample.labels, **(labels or {})})
        lines.setdefault(sample.name, {})[own] = f"{sample.name}{own} {_number(sample.value)}\n"
    return "".join(
        f"# HELP {name} {_escaped(helps[name])}\n# TYPE {name} gauge\n{''.join(lines[name].values())}"
        for name in sorted(lines)
    )


def merged(before: str, after: str) -> str:
    """Two texts that `text` has made as one; of a metric that both have, what `after` says.

    That is what a Pushgateway makes of a POST.
    """
    blocks = _blocks(before) | _blocks(after)
    return "".join(blocks[name] for name in sorted(blocks))


def _blocks(written: str) -> dict[str, str]:
    starts = [*_BLOCK.finditer(written)]
    ends = [*(each.start() for each in starts[1:]), len(written)]
    return {start[1]: written[start.start() : end] for start, end in zip(starts, ends, strict=False)}


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f"{name}={quoted(value)}" for name, value in sorted(labels.items())) + "}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
