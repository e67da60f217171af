"""What a command says while it works and when it is done: for people at a terminal, and as plain lines for logs.

Progress goes to standard error, answers to standard output. rich is imported only where there is a terminal.
Nobody listening any more (a closed pipe) is no failure of the work; neither is a terminal that lacks a character.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TextIO

from jenkins_ml.records import Decision
from jenkins_ml.reporting import subject
from jenkins_ml.reporting.conditions import Line, is_change, lines, needs_a_look, tally
from jenkins_ml.reporting.table import Layout, draw
from jenkins_ml.reporting.terminal import fit, is_terminal, silence, write_line
from jenkins_ml.reporting.text import NAME, NOTHING, counted, number, one_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    from jenkins_ml.core.ecs import Level

_STYLES: Final = {"passed": "green", "failed": "red", "inconclusive": "yellow", "warned": "yellow", "skipped": "dim"}
_MOST_LINES: Final = 20  # of conditions about all examples, and of those about slices
_LONGEST_REASON: Final = 600
_QUIET_SECONDS: Final = 10.0  # between two lines about the progress of one thing, in a log


class Reporter:
    """The progress of a stage, line by line; at a terminal the step under way is a moving line that its end replaces.

    The moving line has to end before anything else is printed: `close` it, or use a `with` statement.

    Args:
        stream: where it goes; None says nothing.
        clock: seconds that never go backwards.

    Attributes:
        heard: is given the level and the text of every line, whatever becomes of it here; None: nobody is.
    """

    heard: Callable[[Level, str], None] | None = None

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._stage = ""
        self._began: float | None = None
        self._told: float | None = None  # when progress was last told of
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def stage(self, name: str) -> None:
        """From here on lines are of this stage; an empty name is of none."""
        self.close()
        self._stage = name
        self._began = None

    def note(self, text: str) -> None:
        """A line that stays; also for what prints lines of its own from here on, such as a user's command."""
        self.close()
        self._told = None
        self._hear("info", text)
        write_line(self._stream, self._line(text))

    def step(self, text: str) -> None:
        """Something begins that may take a while and prints nothing itself."""
        self._hear("info", text)
        self._show(text)

    def _show(self, text: str) -> None:
        self._began = self._clock()
        line = self._line(text)
        if not is_terminal(self._stream):
            write_line(self._stream, line)
        elif self._live is None:
            self._spin(line)
        else:
            self._live.update(_spinner(line))

    def progress(self, text: str) -> None:
        """How far something is that takes long: at a terminal each time, in a log once in a while."""
        now = self._clock()
        quiet = self._told is not None and now - self._told < _QUIET_SECONDS
        if not quiet:
            self._told = now
            self._hear("info", text)
        if is_terminal(self._stream) or not quiet:
            self._show(text)

    def done(self, text: str) -> None:
        """Something has ended well; says how long the step took, where one was under way."""
        took = "" if self._began is None else f" ({self._clock() - self._began:.1f} s)"
        self._began = None
        self.note(text + took)

    def warn(self, text: str) -> None:
        """Something that should be known and stops nothing."""
        self._hear("warning", text)
        line = self._line(f"warning: {text}")
        if self._live is None:
            write_line(self._stream, line)
        else:
            with contextlib.suppress(OSError, ValueError):
                self._live.console.print(_rich_text(line), soft_wrap=True)

    def close(self) -> None:
        """End the moving line, if there is one."""
        if self._live is not None:
            with contextlib.suppress(OSError, ValueError):
                self._live.stop()
            self._live = None

    def _hear(self, level: Level, text: str) -> None:
        if self.heard is not None:
            self.heard(level, text)

    def _line(self, text: str) -> str:
        return fit(f"[{self._stage}] {text}" if self._stage else text, self._stream)

    def _spin(self, line: str) -> None:
        from rich.console import Console
        from rich.live import Live

        # Left alone, rich would send what is printed to standard output here too, and an answer would lose it.
        live = Live(
            _spinner(line),
            console=Console(file=self._stream),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with contextlib.suppress(OSError, ValueError):
            live.start()
            self._live = live
            atexit.register(self.close)  # or the cursor would stay hidden when the process ends early


def reporter() -> Reporter:
    """The process's progress on standard error: the same reporter at each call."""
    return _reporter_on(sys.stderr)


@lru_cache(maxsize=1)
def _reporter_on(stream: TextIO | None) -> Reporter:
    return Reporter(stream)


def say(line: str, *, error: bool = False) -> None:
    """A line of an answer, or on standard error; that nobody reads it does not end what is being done."""
    stream = sys.stderr if error else sys.stdout
    try:
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print an answer to standard output: a table at a terminal, elsewhere aligned columns under their names.

    Args:
        title: stands above the table at a terminal; left out elsewhere, where programs read on.
        columns: the names.
        rows: as many cells each as there are columns.
    """
    reporter().close()
    draw(sys.stdout, title, columns, list(rows))


def conditions_table(decision: Decision) -> None:
    """Print the conditions, and the reasons of those that did not pass, to standard error.

    All that are about all examples; of slices those that did not hold, and how many others there are.
    """
    reporter().close()
    found = lines(decision)
    slices = [line for line in found.sliced if needs_a_look(line.condition)]
    shown = [*found.overall[:_MOST_LINES], *slices[:_MOST_LINES]]
    if shown:
        columns = ("outcome", "condition", "candidate", subject.other(decision), "limit", "interval", "examples")
        layout = Layout(styles=[_STYLES[line.condition.outcome] for line in shown], folding=1, spare=(6, 3))
        draw(sys.stderr, "", columns, [_row(line) for line in shown], layout)
    listed = set(map(id, shown))
    rest = [line.condition for line in (*found.overall, *found.sliced) if id(line) not in listed]
    if rest:
        harmless = all(item.slice and not needs_a_look(item) for item in rest)
        what = f"about {counted(len({item.slice for item in rest}), 'slice')}" if harmless else "not listed here"
        write_line(sys.stderr, f"{counted(len(rest), 'condition')} {what}: {tally(rest)}")
    for line in shown:
        item = line.condition
        if item.outcome != "passed":
            # What is said of a slice begins with its name.
            named = "" if item.slice and item.reason.startswith(item.slice) else f"{one_line(item.name, NAME)}: "
            told = f"{item.outcome}: {named}{one_line(item.reason, _LONGEST_REASON)}"
            write_line(sys.stderr, fit(told, sys.stderr))


def _row(line: Line) -> tuple[str, ...]:
    """The interval is of what is held against the limit: of the change, or of the candidate's value."""
    item = line.condition
    held = line.difference if is_change(item) else line.candidate
    return (
        item.outcome,
        one_line(item.name, NAME),
        number(item.candidate),
        number(item.baseline),
        number(item.limit),
        held.bounds() or NOTHING,
        f"{item.count:,}",
    )


def _spinner(line: str) -> Spinner:
    from rich.spinner import Spinner

    # The one made of ASCII characters, since not every terminal has the others.
    return Spinner("line", _rich_text(line))


def _rich_text(line: str) -> Text:
    from rich.text import Text

    return Text(line)  # a str would be read as rich's markup
