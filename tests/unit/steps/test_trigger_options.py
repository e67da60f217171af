import io

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.errors import UsageError
from jenkins_ml.steps.jobs.trigger import _parameters, _write, command

SECRET = "s3cret-value"


def refused(params=(), files=(), environment=None):
    with pytest.raises(UsageError) as caught:
        _parameters(params, files, environment or {})
    assert caught.value.next_step
    assert SECRET not in str(caught.value)
    return str(caught.value)


NAMES = st.text(st.characters(exclude_categories=("C",), exclude_characters="="), min_size=1)
VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_what_stands_behind_the_first_equals_sign_is_the_value(pairs):
    assert _parameters([f"{name}={value}" for name, value in pairs], (), {}) == pairs


def test_a_name_alone_takes_the_value_of_the_variable():
    assert _parameters(["KEY", "A=b=c", "EMPTY="], (), {"KEY": SECRET}) == [
        ("KEY", SECRET),
        ("A", "b=c"),
        ("EMPTY", ""),
    ]
    assert "--param KEY names an environment variable that is not set" in refused(["KEY"])


def test_a_file_is_taken_as_it_is(tmp_path):
    file = tmp_path / "value"
    file.write_bytes("a\r\nü\n".encode())
    assert _parameters((), [f"KEY={file}"], {}) == [("KEY", "a\r\nü\n")]
    file.write_bytes(b"\xff" + SECRET.encode())
    assert "it is not UTF-8" in refused((), [f"KEY={file}"])
    assert "No such file" in refused((), [f"KEY={tmp_path}/none"])
    assert "names no file" in refused((), ["KEY"])


@pytest.mark.parametrize("params", [["=x"], [f"A={SECRET}\0"], ["A"]])
def test_what_is_no_text_is_refused(params):
    assert refused(params, environment={"A": f"{SECRET}\udcff"})


@pytest.mark.parametrize("value", ["0s", "10", "-1s", "soon", ""])
def test_what_is_no_duration_is_refused_before_anything_is_asked(value):
    assert "is no duration" in CliRunner().invoke(command, ["a", "--timeout", value]).output


class Stream(io.StringIO):
    def __init__(self, terminal, encoding="utf-8"):
        super().__init__()
        self.terminal = terminal
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return self.terminal


LOG = "\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07 ✓\tx\n"


def test_a_terminal_gets_colours_and_nothing_else_to_obey():
    stream = Stream(terminal=True)
    assert _write(stream, LOG)
    assert stream.getvalue() == "\x1b[31mred\x1b[0m\ufffd[2J\ufffd]0;title\ufffd ✓\tx\n"


def test_a_file_gets_the_log_as_it_is():
    stream = Stream(terminal=False)
    assert _write(stream, LOG)
    assert stream.getvalue() == LOG


def test_what_the_stream_cannot_write_becomes_a_question_mark():
    stream = Stream(terminal=False, encoding="ascii")
    assert _write(stream, "a✓\n")
    assert stream.getvalue() == "a?\n"
