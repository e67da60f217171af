"""What every part of jenkins-ml.yaml shares: strictness, problems that know their place, and durations with a unit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from jenkins_ml.config import patterns

Path_ = tuple[str | int, ...]

DURATION_PATTERN: Final = patterns.DURATION
RULE: Final = "rule"  # the type of an error whose message is ours
EXPECTED: Final = "expected"  # the type of an error whose message is ours and says what is expected

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Section(BaseModel):
    """What every part of the file shares: frozen, and unknown keys are errors.

    A section that may be left out has `default_factory=X.model_construct`: `X` itself would build a validator of its own.
    """

    # Only the whole is validated: building a validator for each part as well would double the start of every command.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


@dataclass(frozen=True)
class OneOf:
    """Beside a union: what is expected there, in words. Without it each of its types has an error of its own."""

    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's schema of the union, with one error."""
        return {**handler(source), "custom_error_type": EXPECTED, "custom_error_message": self.words}


@dataclass(frozen=True)
class Known:
    """Beside the type of a dictionary's keys: those that need no more to be understood, to name the nearest of."""

    keys: tuple[str, ...]


def expected(words: str) -> PydanticCustomError:
    """The error of a value that is something else than it should be."""
    return PydanticCustomError(EXPECTED, "{words}", {"words": words})


def refuse(problems: Iterable[tuple[Path_, str]]) -> NoReturn:
    """Raise problems of a section in a validator of it, each with its own place.

    Args:
        problems: path from the section to the value that is wrong, and the message; at least one.
    """
    raise ValidationError.from_exception_data(
        "jenkins-ml.yaml",
        [
            InitErrorDetails(type=PydanticCustomError(RULE, "{message}", {"message": message}), loc=path, input=None)
            for path, message in problems
        ],
    )


def unknown_keys(keys: Iterable[Any]) -> NoReturn:
    """Raise, in a validator of a dictionary, that these keys of it are not known; at least one."""
    raise ValidationError.from_exception_data(
        "jenkins-ml.yaml", [InitErrorDetails(type="extra_forbidden", loc=(key,), input=None) for key in keys]
    )


def parse_duration(value: Any) -> Any:
    """Text such as "500ms", "90s", "10m", "2h" or "1d" as a timedelta; other values are left for pydantic to refuse."""
    if isinstance(value, str):
        match = re.fullmatch(DURATION_PATTERN, value)
        if match is None:
            raise ValueError(patterns.WORDS[DURATION_PATTERN].rule)
        return timedelta(seconds=float(match[1]) * _UNIT_SECONDS[match[3]])
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"a duration needs a unit: {value}s, {value}m or {value}h")
    return value


def _longer_than_nothing(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be longer than nothing")
    return duration


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=Annotated[str, Field(pattern=DURATION_PATTERN)]),
]
Timeout = Annotated[Duration, AfterValidator(_longer_than_nothing)]
