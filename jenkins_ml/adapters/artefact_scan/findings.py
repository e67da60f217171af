"""What a scan answers, and how the parts of it say what they found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from jenkins_ml.reporting.text import one_line

MOST_FINDINGS: Final = 1000  # of one scan; whoever reads them has seen enough by then
_NAME: Final = 100  # characters of a name out of a file


class Unreadable(Exception):
    """A file that is not what it should be, or more than we look at; the text says why, as the end of a sentence."""


@dataclass(frozen=True)
class Finding:
    """A reason to refuse a model.

    Args:
        path: of the file, relative to what was scanned.
        what: one sentence without a full stop, naming the file and what in it.
        unread: whether the reason is that the file could not be looked through.
    """

    path: str
    what: str
    unread: bool = False


@dataclass(frozen=True)
class Scan:
    """What was found in a file or folder without loading anything of it.

    Args:
        scanned: relative paths of the files whose format is known and that were read to the end.
        findings: reasons to refuse it, in the order of the paths; files that could not be read are among them.
        skipped: relative paths of the files that hold data only, or no known format, and no code that we know by sight.
    """

    scanned: tuple[str, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]


@dataclass
class Notes:
    """The scan of one file, as far as it has come.

    Args:
        path: of the file, relative to what is scanned.
    """

    path: str
    understood: bool = False
    findings: list[Finding] = field(default_factory=list)

    def found(self, what: str) -> None:
        """Note a finding; `what` goes on after the file's name ("holds ...")."""
        self._add(Finding(self.path, f"{quoted(self.path)} {what}"))

    def not_scanned(self, reason: str) -> None:
        """Note that the file could not be looked through; `reason` is the end of a sentence."""
        self._add(Finding(self.path, f"{quoted(self.path)} could not be scanned: {reason}", unread=True))

    def _add(self, finding: Finding) -> None:
        if len(self.findings) < MOST_FINDINGS and finding not in self.findings[-50:]:
            self.findings.append(finding)


def quoted(name: str) -> str:
    """A name out of a file or of one, as a message may show it."""
    return one_line(name, _NAME)
