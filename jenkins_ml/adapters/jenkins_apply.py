"""Carries out a plan on a server: folders first, then jobs side by side, then what goes; every outcome is told.

A server has no lock and no compare-and-set, and somebody else may change the same jobs meanwhile. So what a plan rests
on is looked at again just before each change; what has changed since is left alone and said. What is created cannot
collide: the server refuses a name that is taken. At the end one listing tells whether what was written is what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml.adapters import jenkins_items
from jenkins_ml.adapters.jenkins_conversation import Conversation
from jenkins_ml.adapters.jenkins_items import AlreadyThere
from jenkins_ml.adapters.jenkins_retry import Unclear
from jenkins_ml.core.jobs import marker, plan
from jenkins_ml.core.jobs.merge import merged
from jenkins_ml.core.jobs.plan import Rules
from jenkins_ml.core.jobs.xml_tree import Element, parse, write
from jenkins_ml.errors import JenkinsMLError, Unavailable
from jenkins_ml.records import JobAction

Outcome = Literal[
    "done",
    "failed",  # the server said no; why is its own text
    "changed",  # somebody changed it since the plan: it was left as it is
    "unknown",  # the server gave no answer, and nobody knows
    "skipped",  # it was not begun
]
_TRIES: Final = 3  # of a creation of which nobody knows whether it happened
_LOOK_AGAIN_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Result:
    """What became of one action; `reason` says why it is not done."""

    action: JobAction
    outcome: Outcome
    reason: str = ""
    unavailable: bool = False  # worth a retry as it is


class _ChangedError(Exception):
    """What the plan rests on is not there any more; the text says what is."""


class Apply:
    """One plan being carried out.

    Args:
        server: where.
        rules: those that the plan was made by.
        parallel: how many requests at a time.
    """

    def __init__(self, server: Conversation, rules: Rules, parallel: int) -> None:
        self._server = server
        self._rules = rules
        self._parallel = parallel

    def carry_out(self, actions: Iterable[JobAction], told: Callable[[Result], None]) -> list[Result]:
        """Do everything that a plan has to do.

        Args:
            actions: with their configurations.
            told: hears of each result as it comes, in this thread.

        Returns:
            A result for each action that had something to do, also when this is interrupted by Ctrl-C: then the rest
            is "skipped". What was begun is always brought to an end.
        """
        results: dict[str, Result] = {}
        try:
            for stage in _stages(actions):
                ready = []
                for action in stage:
                    broken = self._broken_parent(action, results)
                    if broken is None:
                        ready.append(action)
                    else:
                        self._tell(Result(action, "skipped", broken.reason, broken.unavailable), results, told)
                self._side_by_side(ready, results, told)
            self._verify(results, told)
        except KeyboardInterrupt:
            for action in actions:
                if action.name not in results and action.deed not in ("nothing", "refuse"):
                    results[action.name] = Result(action, "skipped", "interrupted")
        return list(results.values())

    @staticmethod
    def _tell(result: Result, results: dict[str, Result], told: Callable[[Result], None]) -> None:
        results[result.action.name] = result
        told(result)

    @staticmethod
    def _broken_parent(action: JobAction, results: Mapping[str, Result]) -> Result | None:
        """The result that stands in the way: a folder that was not made."""
        parent = action.name.rpartition("/")[0]
        result = results.get(parent)
        if result is None or result.outcome == "done" or result.action.deed == "delete":
            return None
        return Result(action, "skipped", f"its folder {parent!r} is not there: {result.reason}", result.unavailable)

    def _side_by_side(
        self, actions: Sequence[JobAction], results: dict[str, Result], told: Callable[[Result], None]
    ) -> None:
        """Do actions that do not depend on each other.

        Raises:
            KeyboardInterrupt: when what was begun has ended; nothing else was.
        """
        waiting = iter(actions)
        running: set[Future[Result]] = set()
        interrupted: KeyboardInterrupt | None = None
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="jobs") as pool:
            while True:
                try:
                    while interrupted is None and len(running) < self._parallel and (action := next(waiting, None)):
                        running.add(pool.submit(self._one, action))
                    if not running:
                        break
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        running.discard(future)
                        self._tell(future.result(), results, told)
                except KeyboardInterrupt as error:  # comes once: see steps/entry.py
                    interrupted = error
                    for future in [each for each in running if each.cancel()]:
                        running.discard(future)
        if interrupted is not None:
            for action in actions:
                if action.name not in results:
                    self._tell(Result(action, "skipped", "interrupted"), results, told)
            raise interrupted

    def _one(self, action: JobAction) -> Result:
        try:
            self._do(action)
        except _ChangedError as error:
            return Result(action, "changed", str(error))
        except Unclear as error:
            return Result(action, "unknown", error.what, unavailable=True)
        except JenkinsMLError as error:
            return Result(action, "failed", error.what, unavailable=isinstance(error, Unavailable))
        return Result(action, "done")

    def _do(self, action: JobAction) -> None:
        match action.deed:
            case "create":
                self._create(action)
            case "update" | "adopt":
                live = self._unchanged(action)
                jenkins_items.update(
                    self._server, action.name, write(merged(parse(action.config), live, self._rules.ignore))
                )
            case "replace":
                self._delete(action)
                self._create(action)
            case "delete":
                self._delete(action)

    def _create(self, action: JobAction) -> None:
        """Make it. When an answer is lost, what is there tells whether it was made: the line in its description."""
        for attempt in range(1, _TRIES + 1):
            try:
                jenkins_items.create(self._server, action.name, action.config)
            except AlreadyThere as error:
                if self._is_there(action):
                    return
                raise _ChangedError("somebody has made it since the plan, in another way") from error
            except Unclear as error:
                self._server.clock.sleep(_LOOK_AGAIN_SECONDS)
                if self._is_there(action):
                    return
                # What is under way may still arrive, and a second request could only be refused: no harm in asking.
                if attempt == _TRIES:
                    raise error from None
            else:
                return

    def _is_there(self, action: JobAction) -> bool:
        live = jenkins_items.read(self._server, action.name)
        return live is not None and _mark(live) == _mark(parse(action.config))

    def _unchanged(self, action: JobAction) -> Element:
        """The live configuration, when it is still what the plan rests on."""
        live = jenkins_items.read(self._server, action.name)
        if live is None:
            raise _ChangedError("somebody has deleted it since the plan")
        if plan.state(live, self._rules) != action.before:
            raise _ChangedError("somebody has changed it since the plan: plan again")
        return live

    def _delete(self, action: JobAction) -> None:
        live = jenkins_items.read(self._server, action.name)
        if live is None:
            return
        mark = _mark(live)
        if (mark.digest if mark is not None else "") != action.before or (
            mark is not None and mark.owner != self._rules.owner
        ):
            raise _ChangedError("it is not what the plan would delete any more: plan again")
        if action.kind == "folder" and (left := jenkins_items.inside(self._server, action.name)):
            raise _ChangedError(f"{left[0]!r} lies in it, which would be deleted too")
        jenkins_items.delete(self._server, action.name)

    def _verify(self, results: dict[str, Result], told: Callable[[Result], None]) -> None:
        """One look at what is there now: two who apply at the same time must not both believe that they did it."""
        written = [each for each in results.values() if each.outcome == "done" and each.action.config]
        if not written:
            return
        try:
            live = jenkins_items.listing(self._server)
        except Unavailable as error:
            for each in written:
                self._tell(
                    Result(each.action, "unknown", f"written, and not looked at since: {error.what}", True),
                    results,
                    told,
                )
            return
        for each in written:
            found = live.get(each.action.name)
            if found is None:
                self._tell(Result(each.action, "changed", "written, and somebody has deleted it since"), results, told)
            elif found.marker is None or found.marker[:2] != (_mark(parse(each.action.config)) or (None,))[:2]:
                self._tell(Result(each.action, "changed", "written, and somebody has changed it since"), results, told)


def _mark(config: Element) -> marker.Marker | None:
    description = config.child("description")
    return marker.read(description.text if description is not None else None)


def _stages(actions: Iterable[JobAction]) -> Iterator[list[JobAction]]:
    """What may be done side by side: folders level by level, then jobs, then what goes, the innermost first."""
    busy = [each for each in actions if each.deed not in ("nothing", "refuse")]
    staying = [each for each in busy if each.deed != "delete"]
    going = [each for each in busy if each.deed == "delete"]
    folders = [each for each in staying if each.kind == "folder"]
    for depth in sorted({each.name.count("/") for each in folders}):
        yield [each for each in folders if each.name.count("/") == depth]
    yield [each for each in staying if each.kind != "folder"]
    yield [each for each in going if each.kind != "folder"]
    leaving = [each for each in going if each.kind == "folder"]
    for depth in sorted({each.name.count("/") for each in leaving}, reverse=True):
        yield [each for each in leaving if each.name.count("/") == depth]
