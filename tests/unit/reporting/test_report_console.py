from __future__ import annotations

import io
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TextIO

import pytest
from report_examples import BINARY_DECISION, CONDITIONS, DECISION

from jenkins_ml.reporting import console
from jenkins_ml.reporting.console import Reporter
from tests.fakes.clock import FakeClock


class Ticks:
    """A fake clock: one second passes at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Terminal:
    """A real pseudo-terminal and what has been shown on it."""

    def __init__(self, encoding: str) -> None:
        self._reader, writer = os.openpty()
        self.stream: TextIO = os.fdopen(writer, "w", encoding=encoding)
        self.encoding = encoding
        self.shown = ""

    def read_until(self, text: str) -> str:
        deadline = time.monotonic() + 10
        while text not in self.shown:
            ready, _, _ = select.select([self._reader], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} never came; {self.shown!r} did"
            self.shown += os.read(self._reader, 65536).decode(self.encoding)
        return self.shown

    def close(self) -> None:
        self.stream.close()
        os.close(self._reader)


@pytest.fixture(params=["utf-8", "ascii"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    opened = Terminal(request.param)
    yield opened
    opened.close()


def test_a_log_gets_one_line_for_each_thing_said() -> None:
    stream = io.StringIO()
    with Reporter(stream, Ticks()) as report:
        report.stage("gate")
        report.step("predictions of version 12")
        report.warn("few\nexamples")
        report.done("10000 examples")
        report.done("nothing was under way")
        report.note("report: x")
        report.stage("")
        report.step("no stage")
    assert stream.getvalue().splitlines() == [
        "[gate] predictions of version 12",
        "[gate] warning: few examples",
        "[gate] 10000 examples (1.0 s)",
        "[gate] nothing was under way",
        "[gate] report: x",
        "no stage",
    ]


def test_a_terminal_gets_a_moving_line_that_is_replaced(terminal: Terminal) -> None:
    with Reporter(terminal.stream, Ticks()) as report:
        report.stage("gate")
        report.step("predictions [bold]é")
        terminal.read_until("[gate] predictions [bold]")
        report.warn("few examples")
        terminal.read_until("[gate] warning: few examples\r\n")
        report.step("intervals")
        terminal.read_until("[gate] intervals")
        assert "\x1b[?25h" not in terminal.shown
        report.done("10000 examples")
        shown = terminal.read_until("[gate] 10000 examples (1.0 s)\r\n")
    assert "\x1b[?25h" in shown  # the cursor is back
    assert "predictions" not in shown.rsplit("\x1b[2K", 1)[1]  # the moving line is gone


def test_the_moving_line_ends_when_a_step_fails(terminal: Terminal) -> None:
    def fail() -> None:
        with Reporter(terminal.stream) as report:
            report.step("work")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    terminal.read_until("\x1b[?25h")


def test_a_terminal_that_cannot_move_is_a_log(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    Reporter(terminal.stream).step("work")
    assert terminal.read_until("\n") == "work\r\n"


def test_nobody_listening_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    closed = io.StringIO()
    closed.close()
    with os.fdopen(writer, "w") as broken:
        for stream in (broken, closed, None):
            report = Reporter(stream)
            report.stage("gate")
            report.step("a")
            report.warn("b")
            report.done("c")


def test_what_an_encoding_lacks_becomes_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Reporter(stream).warn("é 中 \ud800")
    assert raw.getvalue() == b"warning: \xe9 ? ?\n"


def test_a_table_is_aligned_columns_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("Versions", ("version", "branch"), [("12", "main\x1b[31m"), ("3", "-")])
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["version  branch", "12       main\ufffd[31m", "3        -"]
    assert captured.err == ""


def test_an_empty_table_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("Versions", ("version", "branch"), [])
    assert capsys.readouterr().out == "version  branch\n"


def test_a_table_is_drawn_at_a_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    console.table("Versions", ("version", "branch"), [("12", "[red]é"), ("end", "")])
    shown = terminal.read_until("end")
    assert "Versions" in shown
    assert ("[red]é" if terminal.encoding == "utf-8" else "[red]?") in shown


def test_conditions_go_to_standard_error_with_the_reasons_that_matter(capsys: pytest.CaptureFixture[str]) -> None:
    console.conditions_table(DECISION)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0].split() == ["outcome", "condition", "candidate", "production", "limit", "interval", "examples"]
    assert re.split("  +", lines[1]) == [
        "inconclusive", "loss max_regression", "0.1042", "0.0987", "0.01", "[-0.0021, 0.0131]", "10,000",
    ]  # fmt: skip
    assert re.split("  +", lines[3]) == ["passed", "accuracy min", "0.9712", "0.9688", "0.95", "-", "10,000"]
    assert lines[5:] == [
        f"inconclusive: loss max_regression: {CONDITIONS[2].reason}",
        f"warned: f1 max: {CONDITIONS[3].reason}",
    ]


def test_the_interval_is_of_what_is_held_against_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    console.conditions_table(BINARY_DECISION)
    lines = capsys.readouterr().err.splitlines()
    assert [re.split("  +", line)[5] for line in lines[2:4]] == ["[0.89003, 0.89617]", "[0.0052, 0.0078]"]


def test_a_narrow_terminal_folds_names_and_keeps_numbers_whole(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    monkeypatch.setenv("COLUMNS", "80")
    console.conditions_table(BINARY_DECISION)
    shown = terminal.read_until("inconclusive: country=AT")
    for whole in ("[-0.0316, -0.0164]", "[0.89003, 0.89617]", "inconclusive"):
        assert whole in shown
    assert "production" not in shown.partition("warned: ")[0]
    monkeypatch.setenv("COLUMNS", "120")
    console.conditions_table(BINARY_DECISION)
    assert "68,000" in terminal.read_until("68,000")


def test_hundreds_of_slices_do_not_flood(capsys: pytest.CaptureFixture[str]) -> None:
    passed = [
        replace(CONDITIONS[0], name=f"accuracy min user={number}", slice=f"user={number}") for number in range(400)
    ]
    failed = [replace(item, outcome="failed", slice=f"{item.slice}0", name=f"{item.name}0") for item in passed]
    console.conditions_table(replace(DECISION, conditions=(*passed, CONDITIONS[0], failed[7])))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines[1:3]] == ["passed", "failed"]
    assert lines[3:] == [
        "400 conditions about 400 slices: 400 passed",
        f"failed: accuracy min user=70: {CONDITIONS[0].reason}",
    ]
    console.conditions_table(replace(DECISION, conditions=(*passed, *failed)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 + 20 + 1 + 20
    assert lines[21] == "780 conditions not listed here: 380 failed, 400 passed"


def test_a_name_of_ten_thousand_characters_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = replace(CONDITIONS[0], name="\x1b[31m" + "x" * 10_000, outcome="failed", reason="y" * 10_000)
    console.conditions_table(replace(DECISION, conditions=(long,)))
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 800


def test_conditions_are_coloured_at_a_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    console.conditions_table(DECISION)
    assert "\x1b[32mpassed" in terminal.read_until(f"warned: f1 max: {CONDITIONS[3].reason}")


def test_a_decision_without_conditions_has_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    console.conditions_table(replace(DECISION, conditions=()))
    assert capsys.readouterr().err == ""


def test_the_moving_line_ends_before_a_table(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    console.reporter().step("work")
    console.conditions_table(DECISION)
    shown = terminal.read_until("accuracy min")
    assert "work" in shown
    assert "work" not in shown[shown.index("\x1b[?25h") :]


def test_an_answer_goes_to_standard_output_while_the_line_moves(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    with Reporter(terminal.stream) as report:
        report.step("work")
        print("answer")
        terminal.read_until("work")
    assert capsys.readouterr().out == "answer\n"
    assert "answer" not in terminal.shown


def test_a_process_has_one_reporter(capsys: pytest.CaptureFixture[str]) -> None:
    console.reporter().stage("gate")
    console.reporter().note("decided")
    assert capsys.readouterr().err == "[gate] decided\n"


def run(code: str, stdout: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys\nfrom jenkins_ml.reporting import console\n{code}"]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=30, check=False)


def test_a_log_needs_no_rich() -> None:
    code = """
report = console.reporter()
report.step("work")
report.done("work")
console.table("", ("a",), [("b",)])
sys.exit("rich" in sys.modules or "numpy" in sys.modules or "jinja2" in sys.modules)
"""
    assert run(code, subprocess.DEVNULL).returncode == 0


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run('console.table("", ("a",), [("b",)] * 100_000)', writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_in_a_log_progress_is_told_once_in_a_while():
    stream, clock = io.StringIO(), FakeClock()
    report = Reporter(stream, clock)
    for second in range(25):
        report.progress(f"{second} s")
        clock.sleep(1.0)
    report.note("the next step")
    report.progress("begun")
    assert stream.getvalue().splitlines() == ["0 s", "10 s", "20 s", "the next step", "begun"]
