"""Carries out a plan on a server: folders first, then jobs side by side, then what goes; every outcome is told.

A server has no lock and no compare-and-set, and somebody else may change the same jobs meanwhile. So what a plan rests
on is looked at again just before each change; what has changed since is left alone and said. What is created cannot
collide: the server refuses a name that is taken. At the end one listing tells whether what was written is what is there,
and whether what nobody knew of has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from jenkins_ml.adapters import jenkins_items
from jenkins_ml.adapters.jenkins_answers import ServerFailed
from jenkins_ml.adapters.jenkins_conversation import Conversation
from jenkins_ml.adapters.jenkins_items import AlreadyThere
from jenkins_ml.adapters.jenkins_parallel import side_by_side
from jenkins_ml.adapters.jenkins_retry import Unclear
from jenkins_ml.core.jobs import classes, marker, plan
from jenkins_ml.core.jobs.merge import merged
from jenkins_ml.core.jobs.plan import Live, Rules
from jenkins_ml.core.jobs.xml_tree import Element, parse, write
from jenkins_ml.errors import JenkinsMLError, Unavailable
from jenkins_ml.records import JobAction

Outcome = Literal[
    "done",
    "failed",  # the server said no; why is its own text
    "changed",  # somebody changed it since the plan: it was left as it is
    "unknown",  # it was asked for, there was no answer, and nobody knows
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


@dataclass
class _Course:
    """How far an action has come.

    Args:
        sent: the server was asked for something that changes it.
        deleted: what is to be made anew is gone.
    """

    sent: bool = False
    deleted: bool = False


class Apply:
    """One plan being carried out.

    Args:
        server: where.
        rules: those that the plan was made by.
        parallel: how many requests at a time.
        told: hears of each result as it comes, in the thread of `carry_out`.

    Attributes:
        interrupted: by Ctrl-C.
    """

    def __init__(self, server: Conversation, rules: Rules, parallel: int, told: Callable[[Result], None]) -> None:
        self._server = server
        self._rules = rules
        self._parallel = parallel
        self._hear = told
        self._results: dict[str, Result] = {}  # written as soon as there is one, by whichever thread has it
        self._heard: set[str] = set()
        self._away: Unavailable | None = None  # the server, for longer than it is waited for
        self.interrupted = False

    def carry_out(self, actions: Iterable[JobAction]) -> list[Result]:
        """Do everything that a plan has to do.

        Args:
            actions: with their configurations.

        Returns:
            A result for each action that had something to do, also when this is interrupted by Ctrl-C: then the rest
            is "skipped". What was begun is always brought to an end.
        """
        busy = [each for each in actions if each.deed not in ("nothing", "refuse")]
        try:
            for stage in _stages(busy):
                side_by_side(self._server, self._one, self._ready(stage), self._parallel, self._tell)
            if self._away is None:
                self._look()
        except KeyboardInterrupt:  # comes once: see steps/entry.py
            self.interrupted = True
        for action in busy:
            result = self._results.setdefault(action.name, Result(action, "skipped", "interrupted"))
            if action.name not in self._heard:
                self._tell(result)
        return [self._results[action.name] for action in busy]

    def _tell(self, result: Result) -> None:
        self._heard.add(result.action.name)
        self._hear(result)

    def _ready(self, stage: Iterable[JobAction]) -> Iterator[JobAction]:
        """Those of a stage that can be done, by the time that it is their turn."""
        for action in stage:
            if self._away is not None:
                self._skip(action, self._away.what, unavailable=True)
            elif (above := self._unmade_parent(action)) is not None:
                self._skip(action, f"its folder was not made: {above.reason}", above.unavailable)
            elif (within := self._left_within(action)) is not None:
                self._skip(action, f"{within.action.name!r}, which lies in it, was not removed", within.unavailable)
            else:
                yield action

    def _unmade_parent(self, action: JobAction) -> Result | None:
        above = self._results.get(action.name.rpartition("/")[0])
        if above is None or above.outcome == "done" or above.action.deed not in ("create", "replace"):
            return None
        return above

    def _left_within(self, action: JobAction) -> Result | None:
        if action.deed not in ("delete", "replace"):
            return None
        inside = f"{action.name}/"
        return next(
            (
                each
                for name, each in self._results.items()
                if name.startswith(inside) and each.action.deed == "delete" and each.outcome != "done"
            ),
            None,
        )

    def _skip(self, action: JobAction, reason: str, unavailable: bool) -> None:
        self._results[action.name] = Result(action, "skipped", reason, unavailable)
        self._tell(self._results[action.name])

    def _one(self, action: JobAction) -> Result:
        course = _Course()
        try:
            self._do(action, course)
            result = Result(action, "done")
        except _ChangedError as error:
            result = Result(action, "changed", str(error))
        except Unclear as error:
            result = Result(action, "unknown", error.what, unavailable=True)
        except Unavailable as error:
            self._away = error
            result = Result(action, "unknown" if course.sent else "skipped", error.what, unavailable=True)
        except JenkinsMLError as error:
            result = Result(action, "failed", error.what)
        if course.deleted and result.outcome != "done":
            result = replace(result, reason=f"what was there is deleted, and nothing is in its place: {result.reason}")
        self._results[action.name] = result
        return result

    def _do(self, action: JobAction, course: _Course) -> None:
        match action.deed:
            case "create":
                self._create(action, course)
            case "update" | "adopt":
                self._update(action, course)
            case "replace":
                self._delete(action, course)
                course.deleted = True
                self._create(action, course)
            case "delete":
                self._delete(action, course, repeat=True)

    def _create(self, action: JobAction, course: _Course) -> None:
        """Make it. When an answer is lost, what is there tells whether it was made: the line in its description."""
        course.sent = True
        for attempt in range(1, _TRIES + 1):
            try:
                jenkins_items.create(self._server, action.name, action.config)
            except AlreadyThere as error:
                if self._is_there(action):
                    return
                raise _ChangedError("somebody has made it since the plan, in another way") from error
            except ServerFailed:
                if self._is_there(action):  # it failed at something that comes after
                    return
                raise
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
        mark = _mark(live) if live is not None else None
        return mark is not None and mark[:2] == _line(action)

    def _update(self, action: JobAction, course: _Course) -> None:
        """Change it, if it is still what the plan rests on; somebody else may have made the very change."""
        live, asked = jenkins_items.read(self._server, action.name), parse(action.config)
        if live is None:
            raise _ChangedError("somebody has deleted it since the plan")
        if live.tag != asked.tag or plan.state(live, self._rules) != action.before:
            if live.tag == asked.tag and plan.satisfied(asked, live, self._rules):
                return
            raise _ChangedError("somebody has changed it since the plan: plan again")
        course.sent = True
        try:
            jenkins_items.update(self._server, action.name, write(merged(asked, live, self._rules.ignore)))
        except ServerFailed:
            if not self._arrived(action):
                raise

    def _delete(self, action: JobAction, course: _Course, *, repeat: bool = False) -> None:
        """Delete it, if it is still what the plan rests on.

        A request that is late must not delete what has taken its place by then, so `repeat` says whether there is none.
        """
        live = jenkins_items.read(self._server, action.name)
        if live is None:
            return
        mark = _mark(live)
        if (mark.digest if mark is not None else "") != action.before or (
            mark is not None and mark.owner != self._rules.owner
        ):
            raise _ChangedError("it is not what the plan would delete any more: plan again")
        if live.tag == classes.FOLDER and (left := jenkins_items.inside(self._server, action.name)):
            raise _ChangedError(f"{left[0]!r} lies in it, which would be deleted too")
        course.sent = True
        try:
            jenkins_items.delete(self._server, action.name, repeat=repeat)
        except (Unclear, ServerFailed) as error:
            # A connection that broke off carries nothing any more; what was only not answered in time may be to come.
            late = isinstance(error, Unclear) and error.under_way
            if late or jenkins_items.read(self._server, action.name) is not None:
                raise

    def _look(self) -> None:
        """One look at what is there now.

        Two who apply at the same time must not both believe that they did it; and what got no answer, or a failure for
        one, may have been carried out all the same.
        """
        tried = [each for each in self._results.values() if each.outcome in ("done", "failed", "unknown")]
        if not tried:
            return
        try:
            live = jenkins_items.listing(self._server)
            seen = [self._seen(each, live) for each in tried]
        except Unavailable as error:
            seen = [
                Result(each.action, "unknown", f"done, and not looked at since: {error.what}", unavailable=True)
                for each in tried
                if each.outcome == "done"
            ]
        for each in seen:
            if each != self._results[each.action.name]:
                self._results[each.action.name] = each
                self._tell(each)

    def _seen(self, result: Result, everything: Mapping[str, Live]) -> Result:
        """A result, after a look at what the server lists."""
        action, live, done = result.action, everything.get(result.action.name), result.outcome == "done"
        if action.deed == "delete":
            if live is None:
                return Result(action, "done")
            return Result(action, "changed", "removed, and somebody has made it again since") if done else result
        if live is not None and live.marker is not None and live.marker[:2] == _line(action):
            return result if done or not self._arrived(action) else Result(action, "done")
        if not done:
            return result
        what = "deleted" if live is None else "changed"
        return Result(action, "changed", f"written, and somebody has {what} it since")

    def _arrived(self, action: JobAction) -> bool:
        """Whether what was asked for is there; the line alone may have been there before."""
        live = jenkins_items.read(self._server, action.name)
        return live is not None and plan.satisfied(parse(action.config), live, self._rules)


def _line(action: JobAction) -> tuple[str, str]:
    """Owner and digest that an action writes. Only the description is parsed: the first there is, as a plan has it."""
    start, end = action.config.index("<description>"), action.config.index("</description>")
    mark = marker.read(parse(action.config[start : end + len("</description>")]).text)
    assert mark is not None  # noqa: S101 - a plan marks whatever it writes
    return mark[:2]


def _mark(config: Element) -> marker.Marker | None:
    description = config.child("description")
    return marker.read(description.text if description is not None else None)


def _stages(busy: Sequence[JobAction]) -> Iterator[list[JobAction]]:
    """What may be done side by side: folders level by level, then jobs, then what goes, the innermost first.

    A folder that becomes a job is among what goes: what lies in it goes before.
    """
    going = [each for each in busy if each.deed == "delete"]
    emptied = {each.name.rpartition("/")[0] for each in going}
    last = [each for each in busy if each.deed == "replace" and each.name in emptied]
    staying = [each for each in busy if each.deed != "delete" and each not in last]
    folders = [each for each in staying if each.kind == "folder"]
    for depth in sorted({each.name.count("/") for each in folders}):
        yield [each for each in folders if each.name.count("/") == depth]
    yield [each for each in staying if each.kind != "folder"]
    yield [each for each in going if each.kind != "folder"]
    leaving = [*(each for each in going if each.kind == "folder"), *last]
    for depth in sorted({each.name.count("/") for each in leaving}, reverse=True):
        yield [each for each in leaving if each.name.count("/") == depth]
