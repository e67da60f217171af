"""A plan for jobs as people read it."""

import pytest

from jenkins_ml.records import JobAction, JobChange, JobsPlan
from jenkins_ml.reporting.jobs import plan_lines


def plan(*actions, **more):
    fields = {"owner": "us", "server": "http://h/", "created": "", "ignore": (), "missing": (), "unchecked": ()} | more
    return JobsPlan(actions=actions, **fields)


def lines(*actions, everything=False, **more):
    return list(plan_lines(plan(*actions, **more), everything))


def changed(before, after, setting="inline"):
    change = JobChange(setting=setting, before=before, after=after)
    return lines(JobAction(name="a", deed="update", kind="pipeline", changes=(change,)))[1:-1]


def test_every_deed():
    deeds = ("create", "update", "adopt", "replace", "delete", "refuse", "nothing")
    actions = [
        JobAction(name=each, deed=each, kind="pipeline", note="why" if each == "refuse" else "") for each in deeds
    ]
    assert lines(*actions, missing=("plugin 'x'",), unchecked=("all\ncredentials",)) == [
        "+ create create (pipeline)",
        "~ update update (pipeline)",
        "~ adopt adopt (pipeline)",
        "! replace replace (pipeline)",
        "- delete delete (pipeline)",
        "x refuse refuse (pipeline): why",
        "missing: plugin 'x'",
        "not checked: all credentials",
        "us at http://h/: 1 to create, 1 to change, 1 to take over, 1 to delete and make anew, 1 to remove, 1 refused, "
        "1 untouched",
    ]
    assert lines(*actions, everything=True)[6] == "= nothing nothing (pipeline)"
    assert lines() == ["us at http://h/: nothing"]


def test_a_folder_that_stays_is_told():
    assert lines(JobAction(name="f", deed="nothing", kind="folder", note="stays: in it lies 'f/x'"))[0] == (
        "= nothing f (folder): stays: in it lies 'f/x'"
    )


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, "x", "(none) -> x"),
        ("x", None, "x -> (none)"),
        ("false", "true", "false -> true"),
        (None, "one\ntwo\nthree", "(none) -> one ... 2 more lines"),
        ("x" * 100, "y", f"{'x' * 69}… -> y"),
        ("x" * 100 + "1", "x" * 100 + "2", '…"xxxxxxxxxx1" -> …"xxxxxxxxxx2"'),
        ("a b", "a  b", '"a b" -> "a  b"'),
        ("a", "a ", '"a" -> "a "'),
        ("x\x1b[2J", "y\u202e", "x\ufffd[2J -> y\ufffd"),
        ("***", "***", '"***" -> "***"'),
    ],
)
def test_a_value_that_changed(before, after, shown):
    assert changed(before, after) == [f"    inline: {shown}"]


def test_a_text_of_several_lines():
    before, after = "\n".join(map(str, range(30))), "\n".join(["0", "new\x07", *map(str, range(2, 30))])
    assert changed(before, after) == [
        "    inline:",
        "      @@ -1,3 +1,3 @@",
        "       0",
        "      -1",
        "      +new\ufffd",
        "       2",
    ]
    many = changed("\n".join("a" * 3000 for _ in range(50)), "\n".join("b" for _ in range(50)))
    assert many[-1] == "      ... 81 more lines"
    assert max(map(len, many)) < 220


def test_names_that_would_forge_a_line():
    [line, change, _] = lines(
        JobAction(
            name="a\n+ create b",
            deed="update",
            kind="x\x1b",
            changes=(JobChange(setting="p[\n- delete c]", before="1", after=None),),
        )
    )
    assert line == "~ update a + create b (x\ufffd)"
    assert change == "    p[ - delete c]: 1 -> (none)"
