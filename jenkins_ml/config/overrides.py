"""Training parameters that come as text: from the environment of a build, where nothing has a type."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import JsonValue

from jenkins_ml.errors import UsageError
from jenkins_ml.names import ENV_PARAM_PREFIX


def overridden(params: Mapping[str, JsonValue], environment: Mapping[str, str]) -> dict[str, JsonValue]:
    """Training parameters with what the variables JENKINS_ML_PARAM_<key> say instead.

    An empty variable says nothing: Jenkins takes it out of the environment, and other places shall do the same.

    Args:
        params: train.params of the configuration.
        environment: the process's variables.

    Raises:
        UsageError: a variable names no key of `params`, or its text does not fit the type of what is configured.
    """
    result = dict(params)
    problems = []
    for name, text in sorted(environment.items()):
        if not name.startswith(ENV_PARAM_PREFIX) or not text:
            continue
        key = name.removeprefix(ENV_PARAM_PREFIX)
        if key not in params:
            problems.append(f"{name}: {unknown(key, params)}")
            continue
        try:
            result[key] = value_like(text, params[key])
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise UsageError("\n".join(problems), "correct the build parameter, or train.params in jenkins-ml.yaml")
    return result


def unknown(key: str, params: Mapping[str, JsonValue]) -> str:
    """What to say of a key that train.params does not have: the nearest one, or all of them."""
    near = difflib.get_close_matches(key, params, n=1)
    if near:
        return f"train.params has no {key!r}: did you mean {near[0]!r}?"
    return f"train.params has no {key!r}: " + (f"it has {', '.join(params)}" if params else "add it there first")


def value_like(text: str, configured: JsonValue) -> JsonValue:
    """A text as a value of the type that a configured value has.

    Text stays as it is. Everything else is JSON: true or false, a number, a list, an object; a whole number may stand
    for any number.

    Raises:
        ValueError: the text is nothing of that type; the message says what is expected.
    """
    if isinstance(configured, str):
        if not _is_utf_8(text):
            _refuse("text in UTF-8", text)
        return text
    words, fits = _expectation(configured)
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        readable = _is_utf_8(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets
        _refuse(words, text)
    if not readable or not fits(value):
        _refuse(words, text)
    return float(value) if isinstance(configured, float) else value


def _expectation(configured: JsonValue) -> tuple[str, Any]:
    """The type of a configured value in words, and whether a value is of it."""
    match configured:
        case bool():
            return "true or false", lambda value: isinstance(value, bool)
        case int():
            return "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)
        case float():
            return "a number", _is_number
        case list():
            return "a list as JSON, such as [1, 2]", lambda value: isinstance(value, list)
        case dict():
            return 'an object as JSON, such as {"a": 1}', lambda value: isinstance(value, dict)
    return "null (what is configured there has no other type)", lambda value: value is None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # a whole number with hundreds of digits
        return False


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, or bytes of the environment that are no UTF-8
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is too large")
    return value


def _refuse(words: str, text: str) -> NoReturn:
    shown = repr(text) if len(text) <= 40 else f"{text[:36]!r}..."
    raise ValueError(f"{words} is expected, not {shown}")
