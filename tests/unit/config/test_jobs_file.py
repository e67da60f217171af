"""jobs.yaml: templates, defaults and placeholders, and every mistake at its place."""

import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jenkins_ml.config import jobs_file
from jenkins_ml.config.document import CONFIGURATION, Kind, parse
from jenkins_ml.config.jobs import TYPES, Folder, Multibranch, Pipeline, Release, item_name
from jenkins_ml.errors import ConfigurationError
from tests.fakes.repository import ROOT

HEAD = "owner: acme/ml\n"
GIT = '{git: "https://git.example.com/x.git"}'


def load(text):
    return jobs_file.loads(HEAD + text)


def problems(text, head=HEAD):
    with pytest.raises(ConfigurationError) as raised:
        jobs_file.loads(head + text)
    return [(problem.line - head.count("\n"), problem.column, problem.message) for problem in raised.value.problems]


def test_the_shortest_file_and_its_defaults():
    [item] = load(f"jobs: [{{name: a/b, scm: {GIT}}}]").values()
    assert isinstance(item, Pipeline)
    assert (item.name, item.script, item.scm.branch, item.lightweight, item.concurrent) == (
        "a/b",
        "Jenkinsfile",
        "main",
        True,
        "allow",
    )


def test_a_job_has_what_it_says_then_its_template_then_the_defaults():
    jobs = load(
        f"""
defaults: {{discard: {{keep: 30, days: 9}}, disabled: true}}
templates:
  t: {{scm: {GIT}, discard: {{keep: 20}}, description: from the template}}
jobs:
  - {{name: a, template: t, scm: {{branch: dev}}}}
  - {{name: b, scm: {GIT}}}
  - {{name: c, template: t, discard: {{keep: 1}}, disabled: false, description: ""}}
"""
    )
    a, b, c = jobs.values()
    assert (a.scm.git, a.scm.branch, a.discard.keep, a.discard.days, a.disabled) == (
        "https://git.example.com/x.git",
        "dev",
        20,
        9,
        True,
    )
    assert (b.discard.keep, b.description) == (30, "")
    assert (c.discard.keep, c.disabled, c.description) == (1, False, "")


def test_lists_are_replaced_whole():
    text = f"""
templates: {{t: {{scm: {GIT}, triggers: [{{cron: "@daily"}}, {{poll: "@hourly"}}]}}}}
jobs: [{{name: a, template: t, triggers: [{{cron: "@weekly"}}]}}]
"""
    assert [trigger.cron for trigger in load(text)["a"].triggers] == ["@weekly"]


def test_defaults_go_to_the_types_that_know_them():
    jobs = load(
        f"""
defaults: {{discard: {{keep: 3}}, scan: 2d, display_name: x}}
jobs: [{{name: f, type: folder}}, {{name: f/a, scm: {GIT}}}, {{name: f/m, type: multibranch, scm: {{github: a/b}}}}]
"""
    )
    assert [type(item) for item in jobs.values()] == [Folder, Pipeline, Multibranch]
    assert jobs["f/a"].discard.keep == 3
    assert jobs["f/m"].scan.days == 2
    assert {item.display_name for item in jobs.values()} == {"x"}


def test_defaults_that_a_kind_of_job_has_no_use_for_do_not_spoil_it():
    jobs = load(
        """
defaults: {scm: {credentials: git}, script: ci/Jenkinsfile, sandbox: false, approval: {submitters: [x]}}
jobs:
  - {name: a, inline: x}
  - {name: b, scm: {git: y}}
  - {name: c, type: rollback, scm: {git: y}}
  - {name: d, type: promote, scm: {git: y}}
"""
    )
    assert (jobs["a"].scm, jobs["a"].sandbox) == (None, False)
    assert (jobs["b"].scm.credentials, jobs["b"].script) == ("git", "ci/Jenkinsfile")
    assert (jobs["c"].approval, jobs["d"].approval.submitters) == (None, ("x",))


def test_placeholders_make_a_job_for_each_of_their_rows():
    jobs = load(
        """
templates: {t: {scm: {git: "https://git.example.com/{{ repo }}.git"}, description: "{{repo}} and {{size}}, {{}} {x}"}}
jobs:
  - {name: "{{team}}/{{repo}}", template: t, each: [{team: a, repo: x, size: 1}, {team: b, repo: y, size: true}]}
  - {name: "c/{{item}}", scm: {git: "https://{{item}}"}, each: [p, q]}
  - {name: "d", template: t, with: {repo: z, size: 2.5}}
"""
    )
    assert list(jobs) == ["a/x", "b/y", "c/p", "c/q", "d"]
    assert jobs["a/x"].scm.git == "https://git.example.com/x.git"
    assert jobs["b/y"].description == "y and true, {{}} {x}"
    assert jobs["c/q"].scm.git == "https://q"
    assert jobs["d"].description == "z and 2.5, {{}} {x}"


def test_braces_of_jobs_without_words_stay():
    text = "jobs: [{name: a, inline: 'node { {{x}} }'}]"
    assert load(text)["a"].inline == "node { {{x}} }"


def test_what_fills_a_placeholder_is_no_placeholder():
    jobs = load("jobs: [{name: a, inline: '{{x}}', with: {x: '{{y}}'}}]")
    assert jobs["a"].inline == "{{y}}"


def test_all_names_can_stand_under_one_folder():
    assert list(load(f"folder: top/sub\njobs: [{{name: a, scm: {GIT}}}]")) == ["top/sub/a"]


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_type_can_be_had(kind):
    more = {"pipeline": f", scm: {GIT}", "folder": "", "multibranch": ", scm: {gitlab: a/b}"}.get(kind, f", scm: {GIT}")
    assert load(f"jobs: [{{name: a, type: {kind}{more}}}]")["a"].type == kind


def test_the_example_is_right():
    jobs = jobs_file.load(ROOT / "examples/jobs/jobs.yaml")
    assert {type(item) for item in jobs.values()} == {Folder, Pipeline, Multibranch, Release}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jobs: [{name: a}]", [(1, 8, "jobs[0]: give exactly one of `scm`, `inline`, `inline_file`")]),
        (f"jobs: [{{nme: a, scm: {GIT}}}]", [(1, 9, "unknown key 'nme': did you mean 'name'?")]),
        (f"jobs: [{{scm: {GIT}}}]", [(1, 8, "missing key 'name' in jobs[0]")]),
        (
            f"defaults: {{dscard: {{}}}}\njobs: [{{name: a, scm: {GIT}}}]",
            [(1, 12, "unknown key 'dscard': did you mean 'discard'?")],
        ),
        ("templates: {t: {trigers: []}}\njobs: []", [(1, 17, "unknown key 'trigers': did you mean 'triggers'?")]),
        ("jobs: [{name: a, template: t}]", [(1, 28, "no template 't': there are none")]),
        (
            "jobs: [{name: a, type: [x]}]",
            [(1, 24, "type ['x'] is not known: known are folder, pipeline, multibranch, promote, rollback, monitor")],
        ),
        (f"jobs: [{{name: a, scm: {GIT}}}, {{name: a, type: folder}}]", [(1, 71, "'a' is there already, in line 2")]),
        ("jobs: [{name: a, inline: x, each: []}]", [(1, 35, "each: a list is expected, one entry a job")]),
        (
            "jobs: [{name: a, inline: x, each: [1]}]",
            [(1, 36, "words and their values are expected, such as {repo: digits}")],
        ),
        ("jobs: [{name: a, inline: x, with: {}, each: [b]}]", [(1, 39, "`with` and `each` exclude each other")]),
        ("jobs: [{name: '{{x}}', inline: x, with: {y: 1}}]", [(1, 8, "`{{x}}` is filled by nothing: there are y")]),
        (
            f"jobs: [{{name: a, scm: {GIT}}}, {{name: a/b, type: folder}}]",
            [(1, 64, "'a/b' lies in 'a', which is no folder")],
        ),
        (
            "jobs: [{name: A, type: folder}, {name: a/b, type: folder}]",
            [(1, 33, "'a' and 'A' are one name at the top of a server, which ignores case")],
        ),
        (
            f"jobs: [{{name: a, scm: {GIT}, inline: x}}]",
            [(1, 8, "jobs[0]: give exactly one of `scm`, `inline`, `inline_file`")],
        ),
        ("jobs: [{name: a, inline: x, script: y}]", [(1, 37, "jobs[0].script: `script` belongs to `scm`")]),
        (
            "jobs: [{name: a, inline: x, triggers: [{poll: '@daily'}]}]",
            [(1, 40, "jobs[0].triggers[0]: there is no `scm` that could be polled")],
        ),
        (
            "jobs: [{name: a, type: multibranch, scm: {git: x, forks: {}}}]",
            [(1, 51, "jobs[0].scm.forks: git alone knows nothing of pull requests: use `github` or `gitlab`")],
        ),
        (
            "jobs: [{name: a, type: rollback, scm: {git: x}, approval: {}}]",
            [(1, 49, "jobs[0].approval: a rollback waits for nobody: take `approval` out")],
        ),
        (
            "jobs: [{name: a, type: monitor, scm: {git: x}, approval: {}}]",
            [(1, 48, "jobs[0].approval: a monitor waits for nobody: take `approval` out")],
        ),
        (
            "jobs: [{name: a, type: promote, scm: {git: x}, schedule: '@daily'}]",
            [(1, 58, "jobs[0].schedule: a promote is started by people: take `schedule` out")],
        ),
        (
            "jobs: [{name: a, inline: x, quiet_period: 1500ms}]",
            [(1, 43, "jobs[0].quiet_period: Jenkins counts in whole seconds")],
        ),
        (
            "jobs: [{name: a, scm: {git: 'https://u:p@git.example.com'}}]",
            [
                (
                    1,
                    29,
                    "jobs[0].scm.git: a password or token here would be in the Jenkinsfile for all to read: let the agent have it",
                )
            ],
        ),
        ("jobs: {}", [(1, 7, "jobs: a list is expected, not a section")]),
        ("jobs: [a]", [(1, 8, "jobs[0]: a section with keys is expected, not text 'a'")]),
    ],
)
def test_a_mistake_is_told_at_its_place(text, expected):
    assert problems(text) == expected


def test_a_mistake_in_a_template_is_told_once_where_it_stands():
    text = "templates:\n  t: {scm: {git: x, brnch: y}}\njobs:\n  - {name: '{{item}}', template: t, each: [a, b, c]}"
    assert problems(text) == [(2, 21, "unknown key 'brnch': did you mean 'branch'?")]


def test_mistakes_of_all_kinds_are_told_at_once():
    text = f"""defaults: {{x: 1}}
templates: {{t: {{y: 1}}}}
jobs:
  - {{name: a}}
  - {{name: "b?", type: folder}}
  - {{name: c, template: u}}
  - {{name: d, scm: {GIT}, concurrent: never}}
"""
    assert [line for line, _, _ in problems(text, "owner: not an owner\n")] == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("text", ["", "# nothing", "owner: x", "jobs: []", "[]", "a"])
def test_what_is_no_file_of_jobs_is_said(text):
    assert problems(text, "")


def test_a_file_that_is_not_there_says_how_to_name_one(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no such file") as raised:
        jobs_file.load(tmp_path / "jobs.yaml")
    assert "-f" in raised.value.next_step


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("a b/c", True),
        ("modèle/模型", True),
        ("a.b/-c_", True),
        ("x" * 200, True),
        ("x" * 201, False),
        *((f"a{character}b", False) for character in "?*\\%!@#$^&|<>[]:;\x01\x7f\u200e"),
        *((name, False) for name in ("", "/a", "a/", "a//b", ".", "a/..", "a.", " a", "a ", "a/ b", "a\nb")),
    ],
)
def test_names_are_those_that_a_server_takes_and_keeps(name, good):
    if good:
        assert item_name(name) == name
    else:
        with pytest.raises(ValueError, match=r".+"):
            item_name(name)


# --- two readers of one format ---------------------------------------------------------------------------------------
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab01é模 -:#,.'\"{}[]&*!|>%@`\n", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefg", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_libyaml_and_python_read_the_same(value):
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump({"jobs": value}, stream)
    data = stream.getvalue().encode()
    try:
        slow = parse(data, "f", CONFIGURATION)
    except ConfigurationError:
        assume(False)  # ruamel.yaml writes some texts in a way that it cannot read itself
    quick = parse(data, "f", Kind(quick=True))
    assert quick.value == slow.value
    assert quick.problems == slow.problems
    assert quick.keys == slow.keys


@pytest.mark.parametrize("quick", [True, False])
def test_aliases_bring_back_what_they_name(quick):
    text = "a: &x {k: [1, &y two], l: *y}\nb: *x\nc: [*x, *y]\n&z d: *z\n"
    document = parse(text.encode(), "f", Kind(quick=quick))
    whole = {"k": [1, "two"], "l": "two"}
    assert document.value == {"a": whole, "b": whole, "c": [whole, "two"], "d": "d"}
    assert document.values["b", "k", 1] == document.values["a", "k", 1]


@pytest.mark.parametrize("quick", [True, False])
def test_aliases_that_multiply_without_end_are_stopped(quick):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    with pytest.raises(ConfigurationError, match="more than 1000 values"):
        parse("\n".join(lines).encode(), "f", Kind(most_values=1000, quick=quick))
