"""How much a Jenkinsfile can hold before the JVM refuses to load it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from jenkins_ml.config.model import Config
from jenkins_ml.errors import UsageError

# Groovy's CPS transformation makes a call with one argument of each element, and takes 250 of a list; a class file takes
# texts of 65,535 bytes. (Recorded from a server: a list of 300 elements and 260 stages are refused.)
_ELEMENTS: Final = 250
_TEXT_BYTES: Final = 65_535
# Of our Jenkinsfiles, one with 128 described parameters still compiles and one with 136 has a method beyond the JVM's
# 64 KiB (measured with groovy-cps 1.31); a server's own code around it takes more.
_PARAMETERS: Final = 60


def check(config: Config) -> None:
    """Refuse a configuration whose Jenkinsfile no server could load.

    Raises:
        UsageError: it says which list or text is too long.
    """
    for what, count in _lists(config).items():
        if count > _ELEMENTS:
            raise UsageError(
                f"{what}: {count} are too many for a Jenkinsfile, which takes {_ELEMENTS}",
                "read them from a file in the repository instead",
            )
    for what, text in _texts(config):
        if _class_file_bytes(text) > _TEXT_BYTES:
            raise UsageError(
                f"{what} is too long for a Jenkinsfile", "keep it in a file in the repository and read it from there"
            )


def near(config: Config) -> Iterator[str]:
    """Warnings where a configuration comes near to what a server can load."""
    count = len(config.jenkins.parameters)
    if count > _PARAMETERS:
        yield (
            f"{count} build parameters bring the Jenkinsfile near to the JVM's limit of 64 KiB for a method, where Jenkins "
            "refuses it: keep most of them in train.params"
        )


def _lists(config: Config) -> Mapping[str, int]:
    jenkins = config.jenkins
    lists = {
        # JENKINS_ML_RUN and PYTHONUNBUFFERED are there too, and what `install` needs.
        "jenkins.environment, credentials and parameters together": 10
        + len(jenkins.environment)
        + len(jenkins.credentials)
        + sum(1 + (parameter.sets is not None) for parameter in jenkins.parameters),
        **{f"the choices of {each.name}": len(each.choices) for each in jenkins.parameters},
    }
    if jenkins.matrix is not None:
        lists |= {f"jenkins.matrix.axes.{name}": len(values) for name, values in jenkins.matrix.axes.items()}
        lists["jenkins.matrix.exclude"] = len(jenkins.matrix.exclude)
    return lists


def _texts(config: Config) -> Iterator[tuple[str, str]]:
    jenkins = config.jenkins
    for name, value in jenkins.environment.items():
        yield f"jenkins.environment.{name}", value
    for parameter in jenkins.parameters:
        yield f"the default of {parameter.name}", parameter.initial
        yield f"the description of {parameter.name}", parameter.description
    if jenkins.approval is not None:
        yield "jenkins.approval.message", jenkins.approval.message


def _class_file_bytes(text: str) -> int:
    """How long a text is in a class file: each UTF-16 unit in one to three bytes (JVM specification, 4.4.7)."""
    data = text.encode("utf-16-be")
    units = (data[index] << 8 | data[index + 1] for index in range(0, len(data), 2))
    return sum(1 if 0 < unit < 0x80 else 2 if unit < 0x800 else 3 for unit in units)
