"""Conditions about the model itself, beside its metrics: from what was observed to an outcome and a sentence. Pure.

Whatever looks at a model (its answers, its speed, its files, and what will join) ends in `about_model`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from jenkins_ml.config.model_checks import requests_for
from jenkins_ml.records import Condition, Number, Outcome

MODEL: Final = "model"  # what stands for the metric
_SAID: Final = 3  # how many of a list a sentence names
_NOISE: Final = 1e-9  # relative: what is off by just as much as is allowed passes, whatever binary makes of it
_UNITS: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))

Array = np.ndarray[Any, np.dtype[Any]]
Answers = Mapping[str, Array]  # by output, each of shape (examples, ...)


def about_model(
    kind: str,
    outcome: Outcome,
    reason: str,
    *,
    value: Number = None,
    limit: Number = None,
    count: int = 0,
    needed: int | None = None,
) -> Condition:
    """A condition about the model itself.

    Args:
        kind: what is looked at ("size"); one of each in a decision.
        outcome: what it came to.
        reason: one sentence with the numbers in it, without a full stop.
        value: the model's number, finite; needed where it passed.
        limit: the number that it was held against.
        count: how many examples, requests or files it rests on.
        needed: for an inconclusive one, how many of them would settle it.
    """
    return Condition(
        name=f"{MODEL} {kind}",
        metric=MODEL,
        kind=kind,
        outcome=outcome,
        candidate=value,
        baseline=None,
        limit=limit,
        low=None,
        high=None,
        count=count,
        needed=needed,
        reason=reason,
    )


# --- answers ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far an answer may be off: `absolute` (or what `outputs` has for the output) + `relative` * |expected|.

    Whole numbers, true/false and text must be equal; whole numbers of an output in `outputs` may be off by that.
    """

    absolute: float
    relative: float
    outputs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Where an answer is furthest from what was expected, beyond what is allowed there.

    Args:
        difference: |answered - expected| at that place, finite; None where there is no number.
        allowed: at that place.
        reason: what is wrong, as a sentence; empty when everything is within what is allowed.
    """

    difference: Number
    allowed: Number
    reason: str


def answers_condition(
    kind: str,
    subject: str,
    expected: Answers,
    answered: Mapping[str, Answers | str],
    tolerance: Tolerance,
    expected_of: str = "the trained model",
) -> Condition:
    """Whether a model answers as it should.

    A NaN or an infinity never passes, not even where one was expected: production would count it as a failure.
    Nothing to compare does not pass either.

    Args:
        kind: of the condition.
        subject: who answers ("the server").
        expected: the right answers.
        answered: way of asking ("over REST") -> the answers, or a sentence that says why there are none.
        tolerance: what is allowed.
        expected_of: whose answers are expected.
    """
    count = max((len(values) for values in expected.values() if values.ndim), default=0)
    if not count or not answered:
        return about_model(kind, "failed", f"there are no recorded examples to ask {subject} about")
    worst: list[Apart] = []
    for way, answers in answered.items():
        where = f"{subject}, {way}" if way else subject
        if isinstance(answers, str):
            return about_model(kind, "failed", f"{where}: {answers}", count=count)
        found = compare(expected, answers, tolerance, expected_of)
        if found.reason:
            reason = f"{where}: {found.reason}"
            return about_model(kind, "failed", reason, value=found.difference, limit=found.allowed, count=count)
        worst.append(found)
    most = max(worst, key=lambda found: (found.difference or 0.0) - (found.allowed or 0.0))
    ways = f" {' and '.join(answered)}" if any(answered) else ""
    reason = f"{subject} answers {count} recorded examples{ways} as {expected_of} did: " + (
        f"at most {most.difference:.2g} off, {most.allowed:.2g} is allowed there" if most.difference else "exactly"
    )
    return about_model(kind, "passed", reason, value=most.difference, limit=most.allowed, count=count)


def compare(
    expected: Answers, answered: Answers, tolerance: Tolerance, expected_of: str = "the trained model"
) -> Apart:
    """Where the answers are furthest from what was expected."""
    if set(expected) != set(answered):
        names = " and ".join(f"{_listed(sorted(map(repr, answers)))}" for answers in (answered, expected))
        return Apart(difference=None, allowed=None, reason=f"other outputs than those of {expected_of}: {names}")
    found = [_compare_one(name, expected[name], answered[name], tolerance, expected_of) for name in sorted(expected)]
    wrong = [apart for apart in found if apart.reason]
    if wrong:
        return wrong[0]
    return max(found, key=lambda apart: (apart.difference or 0.0) - (apart.allowed or 0.0))


def _compare_one(name: str, expected: Array, answered: Array, tolerance: Tolerance, expected_of: str) -> Apart:
    for what, have, want in (
        ("type", _type(answered), _type(expected)),
        ("shape", str(answered.shape), str(expected.shape)),
    ):
        if have != want:
            reason = f"output {name!r} has {what} {have}, {expected_of} answered {want}"
            return Apart(difference=None, allowed=None, reason=reason)
    if expected.dtype.kind in "USO":
        return _compare_equal(name, expected, answered, expected_of)
    for whose, values in (("it answered", answered), (f"{expected_of} answered", expected)):
        if (bad := ~np.isfinite(values)).any():
            rows = _rows(bad)
            reason = (
                f"{whose} {_of(name, values, _first(bad))}; {len(rows)} of {len(values)} examples have such a number"
            )
            return Apart(difference=None, allowed=None, reason=reason)
    difference, allowed = _difference(expected, answered), _allowed(name, expected, tolerance)
    place = np.unravel_index(int(np.argmax(difference - allowed)), difference.shape)
    at = tuple(int(index) for index in place)
    furthest, most = float(difference[at]), float(allowed[at])
    if furthest <= most:
        return Apart(difference=furthest, allowed=most, reason="")
    rows = _rows(difference > allowed)
    reason = (
        f"it answered {_of(name, answered, at)}, {expected_of} {_text(expected[at])}: {furthest:.3g} off, "
        f"{most:.3g} is allowed; {len(rows)} of {len(expected)} examples are off by too much"
    )
    return Apart(difference=furthest, allowed=most, reason=reason)


def _compare_equal(name: str, expected: Array, answered: Array, expected_of: str) -> Apart:
    unequal = np.asarray(expected != answered)
    if not unequal.any():
        return Apart(difference=0.0, allowed=0.0, reason="")
    at, rows = _first(unequal), _rows(unequal)
    reason = (
        f"it answered {_of(name, answered, at)}, {expected_of} {_text(expected[at])}; "
        f"{len(rows)} of {len(expected)} examples are answered otherwise"
    )
    return Apart(difference=None, allowed=None, reason=reason)


def _type(values: Array) -> str:
    return "text" if values.dtype.kind in "USO" else values.dtype.name


def _difference(expected: Array, answered: Array) -> Array:
    """|answered - expected| as float64, above 0 wherever they are not equal."""
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    with np.errstate(over="ignore"):
        far = np.abs(answered.astype(wide) - expected.astype(wide))
    # Neighbours among large whole numbers are the same float64, and the largest floats are further apart than it has.
    least = 1.0 if expected.dtype.kind in "biu" else 0.0
    far = np.minimum(far, np.finfo(np.float64).max)
    return np.where(answered == expected, 0.0, np.maximum(far, least))


def _allowed(name: str, expected: Array, tolerance: Tolerance) -> Array:
    absolute = tolerance.outputs.get(name)
    if expected.dtype.kind in "biu":
        return np.full(expected.shape, absolute or 0.0)
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    least = tolerance.absolute if absolute is None else absolute
    with np.errstate(over="ignore"):
        allowed: Array = least + tolerance.relative * np.abs(expected.astype(wide))
    return np.minimum(allowed * (1 + _NOISE), np.finfo(np.float64).max)


def _rows(bad: Array) -> Array:
    return np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))


def _first(bad: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.argwhere(bad)[0])


def _of(name: str, values: Array, at: tuple[int, ...]) -> str:
    """A value, and where it stands: 0.25 for output 'y'[3] of example 7, both counted from 0."""
    inner = "".join(f"[{index}]" for index in at[1:])
    return f"{_text(values[at])} for output {name!r}{inner} of example {at[0]}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = repr(str(value))  # numpy's own text says its type, too
        return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"
    return str(value) if isinstance(value, np.integer | np.bool_) else f"{value:.6g}"


# --- serving, latency, size, scan ------------------------------------------------------------------------------------
def loads_condition(tries: int, most: int, failure: str = "") -> Condition:
    """Whether the real server can load the model.

    Args:
        tries: how many it took.
        most: how many there may be.
        failure: why it cannot, as a sentence; empty when it can.
    """
    if failure:
        return about_model("serving_loads", "failed", failure, value=float(tries), limit=float(most), count=tries)
    reason = "the server loads it and tells the signature that was recorded"
    if tries > 1:
        reason += f", at try {tries} of at most {most}"
    return about_model("serving_loads", "passed", reason, value=float(tries), limit=float(most), count=tries)


def latency_condition(percentile: int, limit_ms: float, milliseconds: Sequence[float], failure: str = "") -> Condition:
    """Whether a percentile of the latency is at most `limit_ms`, by the point value.

    The percentile is the answer of rank ceil(percentile / 100 * (n + 1)) of n, the quickest first: the first of which
    the expected share of quicker answers is at least the percentile (the expectation of the k-th of n is k / (n + 1),
    whatever the distribution), and nothing is interpolated. Too few answers have no such rank.

    Args:
        percentile: 50, 95 or 99.
        limit_ms: the limit, which passes.
        milliseconds: how long each answer took.
        failure: why a request was not answered, as a sentence; empty when all were.
    """
    kind, n = f"latency_p{percentile}", len(milliseconds)
    needed, rank = requests_for(percentile), -(-percentile * (n + 1) // 100)
    if failure:
        return about_model(kind, "failed", failure, limit=limit_ms, count=n)
    if n < needed:
        reason = f"{n} answers in the time there was are too few for percentile {percentile}, which takes {needed}"
        return about_model(kind, "inconclusive", reason, limit=limit_ms, count=n, needed=needed)
    value = float(np.partition(np.asarray(milliseconds, np.float64), rank - 1)[rank - 1])
    passed = value <= limit_ms
    reason = (
        f"percentile {percentile} of {n} answers, one at a time over REST, is {value:.3g} ms: "
        f"{'at most' if passed else 'more than'} {limit_ms:g} ms"
    )
    return about_model(kind, "passed" if passed else "failed", reason, value=value, limit=limit_ms, count=n)


def size_condition(size: int, limit: int, files: int) -> Condition:
    """Whether the model's files have at most `limit` bytes together.

    Args:
        size: their bytes.
        limit: bytes, which pass.
        files: how many there are; a model without files does not pass.
    """
    if not files:
        return about_model("size", "failed", "the model has no files", limit=float(limit))
    passed = size <= limit
    reason = f"the {files} files have {_bytes(size)}: {'at most' if passed else 'more than'} {_bytes(limit)}"
    outcome: Outcome = "passed" if passed else "failed"
    return about_model("size", outcome, reason, value=float(size), limit=float(limit), count=files)


def scan_condition(scanned: int, findings: Sequence[str]) -> Condition:
    """Whether the model's files can be loaded without running code of somebody's; that nothing was scanned fails.

    Args:
        scanned: how many files were looked at.
        findings: what is unsafe, one sentence each.
    """
    if findings:
        return about_model(
            "scan", "failed", _listed(findings, "; "), value=float(len(findings)), limit=0.0, count=scanned
        )
    if not scanned:
        return about_model("scan", "failed", "nothing could be scanned: no file of a known kind", limit=0.0)
    reason = f"nothing in {scanned} file{'s' if scanned > 1 else ''} runs code when loaded"
    return about_model("scan", "passed", reason, value=0.0, limit=0.0, count=scanned)


def _bytes(size: int) -> str:
    for unit, length in _UNITS:
        if size >= length:
            text = f"{size / length:.4g} {unit}"
            return text if float(text.split()[0]) * length == size else f"{text} ({size:,} bytes)"
    return f"{size} bytes"


def _listed(items: Sequence[str], separator: str = ", ") -> str:
    shown = separator.join(items[:_SAID])
    return f"{shown}{separator}and {len(items) - _SAID} more" if len(items) > _SAID else shown or "none"
