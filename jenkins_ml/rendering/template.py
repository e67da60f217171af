"""How templates of Jenkinsfiles become text: every value becomes a Groovy literal, so that none can become code."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from jenkins_ml.rendering.groovy import Code, literal
from jenkins_ml.rendering.pod import pod
from jenkins_ml.resources import folder

RUN: Final = Code('"${env.JOB_NAME}-${env.BUILD_NUMBER}"')
_MOST: Final = 2**31 - 1  # Jenkins takes the time as an int


def environment(**filters: Callable[..., object]) -> Any:
    """The environment that templates/ are rendered in.

    Args:
        filters: more filters than those that every Jenkinsfile uses.
    """
    import jinja2

    # With the context, constants of the template come here too; without, Jinja would escape them while it compiles.
    @jinja2.pass_context
    def finalize(_: object, value: object) -> object:
        return value if hasattr(value, "__html__") else Code(literal(value))

    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("templates")),
        # Each value becomes a literal. With `autoescape`, what macros give is told apart from text: it stays as it is.
        finalize=finalize,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.filters |= {
        "code": _identifier,
        "listed": lambda values: Code(", ".join(map(literal, values))),
        "jenkins_timeout": _timeout,
        "label_of_node": _label_of_node,
        "pod": pod,
        **filters,
    }
    return result


def formatted(text: str) -> str:
    """Indented by its braces, which end a line or begin one wherever they are structure; one empty line before blocks."""
    lines: list[str] = []
    depth = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        depth -= line.startswith("}")
        if depth == 0 and lines and (line == "pipeline {" or lines[-1] == "}"):
            lines.append("")
        lines.append("  " * depth + line)
        depth += line.endswith("{")
    return "\n".join(lines) + "\n"


def _identifier(name: str) -> Code:
    """A name that stands in Groovy as it is; the configuration has checked it, and this is the last look."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
        raise ValueError(f"{name!r} is no name in Groovy")
    return Code(name)


def _timeout(duration: timedelta) -> Code:
    """The arguments of Jenkins' `timeout` step: whole units, rounded up."""
    for unit, length in (("HOURS", timedelta(hours=1)), ("MINUTES", timedelta(minutes=1))):
        if duration % length == timedelta(0):
            return Code(f"time: {duration // length}, unit: '{unit}'")
    return Code(f"time: {min(math.ceil(duration / timedelta(seconds=1)), _MOST)}, unit: 'SECONDS'")


def _label_of_node(name: str) -> str:
    """The label expression that means one node: its name, quoted where it would be read as an expression."""
    if re.fullmatch(r"[A-Za-z0-9_.-]+", name, re.ASCII):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
