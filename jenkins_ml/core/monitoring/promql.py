"""Selectors of PromQL: the one place where a name of ours becomes a text of a query."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def text(value: str) -> str:
    """A text as PromQL has it: in double quotes, whatever is in it."""
    return f'"{value.translate(_ESCAPES)}"'


def matching(**labels: str) -> str:
    """Conditions, such as `model="digits",version="3"`: what labels have to be, each as it is, without any escaping."""
    return ",".join(f"{label}={text(value)}" for label, value in labels.items())


def one_of(label: str, values: Iterable[str]) -> str:
    """A condition: the label is one of these values, each as it is."""
    return f"{label}=~{text('|'.join(map(re.escape, values)))}"


def select(series: str, *matchers: str, **labels: str) -> str:
    """A selector: the series of that name with these labels.

    Args:
        series: the name.
        matchers: further conditions as they stand in a query, such as 'version=~"1|2"'.
        labels: what labels have to be, each as it is, without any escaping.
    """
    conditions = ",".join(filter(None, (matching(**labels), *matchers)))
    return f"{series}{{{conditions}}}" if conditions else series
