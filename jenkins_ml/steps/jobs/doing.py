"""Carrying out a plan: asking first, telling each outcome, and the exit code of it all."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from jenkins_ml.core.jobs.plan import Rules
from jenkins_ml.errors import Interrupted, JenkinsMLError, StageFailed, Unavailable, UsageError
from jenkins_ml.records import JobsPlan
from jenkins_ml.reporting.console import Reporter, say
from jenkins_ml.reporting.text import one_line
from jenkins_ml.steps.common import print_json

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_apply import Result
    from jenkins_ml.adapters.jenkins_server import Server

_DONE: Final = {
    "create": "created",
    "update": "changed",
    "adopt": "taken over",
    "replace": "deleted and made anew",
    "delete": "removed",
}
_EVERY: Final = 100  # of a large plan only every hundredth job is told while it goes well

yes_option = click.option("--yes", is_flag=True, help="Ask nothing.")


def carry_out(server: Server, found: JobsPlan, *, yes: bool, parallel: int, as_json: bool, report: Reporter) -> None:
    """Do what a plan says, after asking, and tell what became of each action.

    Raises:
        UsageError: nobody is there to ask.
        StageFailed: something was refused, failed, or had changed since.
        Unavailable: nothing but the server's absence was in the way.
        Interrupted: by Ctrl-C; what was begun has ended.
    """
    from jenkins_ml.adapters.jenkins_apply import Apply

    busy = [each for each in found.actions if each.deed not in ("nothing", "refuse")]
    if busy and not yes:
        asked = server.clock.monotonic()
        _ask(found)
        if server.ends is not None:  # who takes time to read takes none from the server
            server.ends += server.clock.monotonic() - asked
    told = _Told(report, len(busy))
    rules = Rules(owner=found.owner, ignore=found.ignore)
    apply = Apply(server, rules, parallel, told.hear)
    results = apply.carry_out(found.actions) if busy else []
    report.close()
    refused = [each for each in found.actions if each.deed == "refuse"]
    if as_json:
        print_json(
            {
                "owner": found.owner,
                "server": found.server,
                "results": [
                    {
                        "name": each.action.name,
                        "action": each.action.deed,
                        "outcome": each.outcome,
                        "reason": each.reason,
                    }
                    for each in results
                ]
                + [
                    {"name": each.name, "action": "refuse", "outcome": "refused", "reason": each.note}
                    for each in refused
                ],
                "untouched": sum(each.deed == "nothing" for each in found.actions),
            }
        )
    else:
        _say(results, busy_count=len(busy))
    if apply.interrupted:
        left = sum(each.outcome != "done" for each in results)
        what = f"{left} of {len(results)} were not done" if left else "everything was done, and not looked at again"
        raise Interrupted(f"interrupted: {what}", "plan again: what was done stays done")
    if failure := _failure(results, [each.name for each in refused]):
        raise failure


class _Told:
    """Says what happens while it happens."""

    def __init__(self, report: Reporter, count: int) -> None:
        self._report, self._count = report, count
        self._done: set[str] = set()

    def hear(self, result: Result) -> None:
        """Of one result."""
        name = one_line(result.action.name)
        if result.outcome != "done":
            self._report.note(f"{name}: {result.outcome}: {one_line(result.reason)}")
            return
        self._done.add(result.action.name)
        ended = len(self._done)
        if self._count <= _EVERY or ended % _EVERY == 0 or ended == self._count:
            self._report.note(f"{name}: {_DONE[result.action.deed]} ({ended} of {self._count})")


def _ask(found: JobsPlan) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked; nothing was applied", "look at the plan, and say --yes")
    counts = Counter(each.deed for each in found.actions)
    losing = counts["delete"] + counts["replace"]
    warning = f" {losing} will be DELETED with all builds." if losing else ""
    if not click.confirm(f"Apply this at {found.server}?{warning}", err=True):
        raise UsageError("nothing was applied", "")


def _say(results: list[Result], busy_count: int) -> None:
    if not busy_count:
        say("nothing to do")
        return
    counts = Counter(each.outcome if each.outcome != "done" else _DONE[each.action.deed] for each in results)
    say(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))


def _failure(results: list[Result], refused: list[str]) -> JenkinsMLError | None:
    bad = [each for each in results if each.outcome != "done"]
    if bad or refused:
        names = [each.action.name for each in bad] + refused
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        what = f"{len(names)} of {len(results) + len(refused)} could not be applied: {shown}"
        if not refused and all(each.unavailable for each in bad):
            return Unavailable(what, "plan again when the server is back: what was done stays done")
        return StageFailed(what, "each has its reason above; plan again: what was done stays done")
    return None
