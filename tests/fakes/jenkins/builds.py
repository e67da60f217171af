"""Builds: what a test says they do, and what they have done so far."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.jenkins.console import Log, open_blocks

GREETING = "grüße ✓ 模型"
DEFAULT_LOG = ("[Pipeline] Start of Pipeline", "[Pipeline] echo", GREETING, "[Pipeline] End of Pipeline")
RANK = ("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED")
COLORS = {"SUCCESS": "blue", "UNSTABLE": "yellow", "FAILURE": "red", "NOT_BUILT": "notbuilt", "ABORTED": "aborted"}


@dataclass
class Input:
    """A question that a build asks when its own log is through.

    Args:
        id: of the input step.
        message: the question.
        ok: the button.
        parameters: name and default of texts that are asked for.
    """

    id: str = "Gate"
    message: str = "Deploy?"
    ok: str = "Proceed"
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass
class Stage:
    """A stage, for the stage view.

    Args:
        name: shown.
        id: of its flow node.
        steps: id, name and argument of each.
    """

    name: str
    id: str = "6"
    steps: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Build:
    """What a build does.

    Args:
        seconds: how long it runs.
        result: how it ends.
        log: (seconds after the start, line); a line may be made from the run. None is a few lines of a pipeline.
        ignores_stop: `stop` does not end it.
        ignores_term: `term` does not either; `kill` always does.
        ignored: lines that follow an interruption which it survives.
        artifacts: by path.
        input: what it asks after `seconds`.
        after_input: lines after the answer.
        needs_label: it waits, from its start, for a node that nobody has.
        resume_log: lines after a restart.
        stages: for the stage view.
        test_report: JSON of its test results.
        jenkinsfile: what the repository holds, for a job that reads it from there.
    """

    seconds: float = 0.05
    result: str = "SUCCESS"
    log: list[tuple[float, str | Callable[["Run"], str]]] | None = None
    ignores_stop: bool = False
    ignores_term: bool = False
    ignored: list[str] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    input: Input | None = None
    after_input: list[str] = field(default_factory=list)
    needs_label: str = ""
    resume_log: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    test_report: dict[str, Any] | None = None
    jenkinsfile: str | None = None


@dataclass
class Parameter:
    """A parameter's value.

    Args:
        kind: String, Boolean, Text, Password, ...
        name: of the parameter.
        value: as JSON has it.
    """

    kind: str
    name: str
    value: Any

    @property
    def text(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def json(self) -> dict[str, Any]:
        shown = {"_class": f"hudson.model.{self.kind}ParameterValue", "name": self.name}
        return shown if self.kind == "Password" else shown | {"value": self.value}


class Run:
    """One build of a job.

    Args:
        job: its job.
        number: of the build.
        item: the queue item that became it.
        does: what it does.
        now: seconds, of the clock of the builds.
    """

    def __init__(self, job: Any, number: int, item: Any, does: Build, now: float) -> None:
        self.job = job
        self.number = number
        self.queue_id = item.id
        self.parameters: list[Parameter] = item.parameters
        self.causes: list[dict[str, Any]] = item.causes
        self.waited = now - item.since
        self.does = does
        self.started = now
        self.ended: float | None = None
        self.result: str | None = None
        self.keep = False
        self.description: str | None = None
        self.given_name: str | None = None
        self.interrupted_by: str | None = None
        self.terminated = False
        self.asking = False
        self.node_item: Any = None  # its step waits for a node
        self.log = Log(now)
        self.due: float | None = now + does.seconds  # when it goes on by itself
        for cause in item.causes[:1]:
            self.log.write(now, cause["shortDescription"])
        for at, text in [(0.0, line) for line in DEFAULT_LOG] if does.log is None else does.log:
            self.log.write(now + min(at, does.seconds), text(self) if callable(text) else text)
        if does.needs_label:
            self.due = None

    @property
    def building(self) -> bool:
        return self.ended is None

    @property
    def display_name(self) -> str:
        return self.given_name or f"#{self.number}"

    @property
    def path(self) -> str:
        return f"{self.job.path}{self.number}/"

    def value(self, name: str) -> str:
        """A parameter's value as text."""
        return next((each.text for each in self.parameters if each.name == name), "")

    def go_on(self, now: float) -> None:
        """Its time has come: it ends, or asks."""
        if self.does.input is not None and not self.asking:
            self.asking, self.due = True, None
            self.log.write(now, "[Pipeline] input")
            self.log.write(now, "Input requested")
        else:
            self.end(self.does.result, now)

    def approve(self, who: str, now: float) -> None:
        self.asking = False
        self.log.write(now, f"Approved by {who}")
        self._write(now, self.does.after_input)
        self._close(now)
        self.end(self.does.result, now)

    def reject(self, who: str, now: float) -> None:
        self.asking = False
        self.interrupted_by = who
        self._close(now)
        self._write(now, [f"Rejected by {who}", _error_id()])
        self.end("ABORTED", now)

    def interrupt(self, how: str, who: str, now: float) -> None:
        """stop, term or kill."""
        if not self.building:
            return
        self.interrupted_by = who
        survives = {"stop": self.does.ignores_stop, "term": self.does.ignores_term}.get(how, False)
        if survives:
            self.log.write(now, f"Aborted by {who}" if how == "stop" else "Terminating sleep")
            self._write(now, self.does.ignored)
            return
        self.log.forget_after(now)
        if how == "kill":
            self.log.write(now, "Hard kill!")
        else:
            self.log.write(now, f"Aborted by {who}")
            self._close(now)
            self.log.write(now, _error_id())
        self.end("ABORTED", now)

    def supersede(self, now: float) -> None:
        """A newer build takes its place."""
        self.log.forget_after(now)
        self.log.write(now, "Superseded by a newer build")
        self._close(now)
        self.end("NOT_BUILT", now)

    def node_cancelled(self, now: float) -> None:
        """The queue item of its waiting step was cancelled."""
        self._write(now, ["[Pipeline] // node", "[Pipeline] End of Pipeline", "Queue task was cancelled", _error_id()])
        self.end("ABORTED", now)

    def pause(self, now: float) -> None:
        self.log.later(now, 10**9)
        self.log.write(now, "Pausing (Preparing for shutdown)")

    def resume(self, paused: float, now: float, date: str) -> None:
        """Goes on after a restart, which took some time."""
        rest = [each for each in self.log._lines if each[0] > 10**9 + self.started]
        self.log.forget_after(now)
        self.log.write(now, f"Resuming build at {date} after Jenkins restart")
        self._write(now, self.does.resume_log)
        self.log.write(now, f"Ready to run at {date}")
        self.log._lines += [(at - 10**9 + paused, text) for at, text in rest]
        if self.due is not None:
            self.due += paused

    def end(self, result: str, now: float) -> None:
        self.log.write(now, f"Finished: {result}")
        self.result, self.ended, self.due = result, now, None

    def _write(self, now: float, lines: list[str]) -> None:
        for each in lines:
            self.log.write(now, each)

    def _close(self, now: float) -> None:
        for step in open_blocks(self.log.text(now)):
            self._write(now, ["[Pipeline] }", f"[Pipeline] // {step}"])
        self.log.write(now, "[Pipeline] End of Pipeline")


def _error_id() -> str:
    return f"org.jenkinsci.plugins.workflow.actions.ErrorAction$ErrorId: {uuid.uuid4()}"
