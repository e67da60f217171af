"""How the live picture is shown."""

import io
import os

import pytest

from jenkins_ml.core.live_picture import Alert, Live, Measured, Moved, Promise, Version
from jenkins_ml.reporting import live_picture as live
from jenkins_ml.reporting.redraw import Screen

PICTURE = Live(
    source="prometheus",
    versions=(
        Version(version=3),
        Version(
            version=4,
            traffic=0.05,
            requests_per_second=12.345,
            error_share=0.0,
            p50_seconds=0.0021,
            p99_seconds=1.5,
            drift=(
                Moved(against="stable", looked_at=9),
                Moved(against="training", looked_at=9, moved=("a", "b\n", "c", "d")),
            ),
            accuracy=(Measured(metric="accuracy", source="estimate", value=0.9, low=0.85, high=0.95),),
        ),
    ),
    promises=(Promise(slo="availability", objective=0.9995, burn_rate=0.25), Promise(slo="latency", budget_left=-0.5)),
    alerts=(Alert(name="JenkinsMLNoData", severity="ticket"),),
)


def test_what_is_not_known_is_a_dash():
    assert live.rows(PICTURE) == [
        ("3", "-", "-", "-", "-", "-", "-", "-"),
        (
            "4",
            "5 %",
            "12.3",
            "0 %",
            "2.1 ms",
            "1.5e+03 ms",
            "none against stable; a, b, c and 1 more against training",
            "accuracy 0.9 (0.85 to 0.95) by estimate",
        ),
    ]
    assert live.lines(PICTURE) == [
        "availability 99.95 %: burn rate 0.25, error budget left -",
        "latency: burn rate -, error budget left -50 %",
        "alerts firing: JenkinsMLNoData (ticket)",
    ]
    nothing = Live(source="servers", problem="no model server runs")
    assert live.rows(nothing) == [("-",) * len(live.COLUMNS)]
    assert live.lines(nothing) == [
        "not known: no model server runs",
        "burn rate -, error budget left -",
        "alerts firing: -",
    ]
    assert live.lines(Live(source="prometheus", alerts=()))[-1] == "alerts firing: none"


def test_json_has_null_for_what_is_not_known():
    assert live.as_json(Live(source="servers")) == {
        "source": "servers",
        "versions": (),
        "promises": (),
        "alerts": None,
        "problem": None,
    }
    assert live.as_json(PICTURE)["versions"][0]["requests_per_second"] is None


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((10, 4)))
    return Terminal()


def test_a_picture_takes_the_place_of_the_one_before_and_never_more_room_than_there_is(terminal):
    screen = Screen(terminal)
    screen.draw(["short", "an über\x1b[31mlong line"])
    first = terminal.getvalue()
    assert first.startswith("\x1b[2J\x1b[H")
    assert first.split("\n") == ["\x1b[2J\x1b[Hshort\x1b[K", "an ?ber?[3\x1b[K", "\x1b[J"]
    screen.draw(["1", "2", "3", "4"])
    assert terminal.getvalue()[len(first) :].split("\n") == ["\x1b[H1\x1b[K", "2\x1b[K", "...\x1b[K", "\x1b[J"]


def test_elsewhere_pictures_follow_each_other(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(terminal)
    screen.draw(["  a long, long line"])
    screen.draw(["next"])
    assert terminal.getvalue() == "  a long, long line\n\nnext\n\n"


def test_nobody_who_reads_ends_it(terminal, monkeypatch):
    def gone(_):
        raise BrokenPipeError

    monkeypatch.setattr(terminal, "write", gone)
    with pytest.raises(BrokenPipeError):
        Screen(terminal).line("{}")
