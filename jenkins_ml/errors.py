"""Every failure: what happened, what to do next, and the exit code that Jenkins sees.

Exit codes are a contract (docs/exit-codes.md); adapters raise only these classes, with the cause chained.
"""

from __future__ import annotations

from dataclasses import dataclass


class JenkinsMLError(Exception):
    """A failure that ends a command.

    Args:
        what: what happened, one sentence without a full stop.
        next_step: what the reader can do about it, one sentence; empty when there is nothing to say.
    """

    exit_code = 1

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\n  next: {self.next_step}" if self.next_step else self.what


class StageFailed(JenkinsMLError):
    """A stage failed in the user's code or in ours."""

    exit_code = 1


class UsageError(JenkinsMLError):
    """The command was called in a way that cannot work."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a configuration file; line and column count from 1, 0 where no place is known."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ConfigurationError(UsageError):
    """A configuration file is wrong; holds every problem found in it, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...], next_step: str = "") -> None:
        super().__init__("\n".join(str(problem) for problem in sorted(problems)), next_step)
        self.problems = tuple(sorted(problems))


class GateRejected(JenkinsMLError):
    """The gate rejected the model, or a release was asked for without an approval."""

    exit_code = 3


class GateInconclusive(JenkinsMLError):
    """The data cannot tell, or production has moved since the gate looked."""

    exit_code = 4


class RolledBack(JenkinsMLError):
    """The release was rolled back; the version before it is in production."""

    exit_code = 5


class Unavailable(JenkinsMLError):
    """Something outside did not answer, or is in use: worth a retry."""

    exit_code = 6


class IntegrityError(JenkinsMLError):
    """A digest, a signature or an artefact is not what was recorded, or is unsafe."""

    exit_code = 7


class Interrupted(JenkinsMLError):
    """Stopped by SIGINT or SIGTERM."""

    exit_code = 130
