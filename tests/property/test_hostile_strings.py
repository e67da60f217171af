"""Hostile texts come through YAML, Jinja, Groovy, the shell, git, file names and XML exactly, and nothing is executed.

The parts that read them are real: ruamel.yaml, Jinja, Groovy 2.4, sh and bash, git, the XML parser of the standard
library, a Markdown reader and an HTML parser. A run prints its seed; `HOSTILE_SEED=N` repeats it, and looks for the
smallest example that fails.
"""

import json
import os
import random
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from jenkins_ml import names
from jenkins_ml.adapters import checkout
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.config.loader import loads
from jenkins_ml.config.model import Config
from jenkins_ml.errors import ConfigurationError, UsageError
from jenkins_ml.pipeline import build
from jenkins_ml.records import Decision
from jenkins_ml.rendering.groovy import literal
from jenkins_ml.rendering.jenkinsfile import FILE, ROLLBACK_FILE, render
from jenkins_ml.reporting import html, junit, markdown, pull_request
from jenkins_ml.reporting.text import one_line, printable
from jenkins_ml.steps.common import current_run
from tests.fakes.hostile import LONG, PWNED, quoted, texts
from tests.fakes.repository import ROOT
from tests.unit.reporting.report_examples import BINARY, CONDITIONS, DATA, DECISION, MEASUREMENTS

DEADLINE_SECONDS = 120  # of one answer, on a machine that is busy


def checked(examples: int, test: Callable[..., None], **strategies: st.SearchStrategy[Any]) -> None:
    """Run a property with a seed that a failure shows."""
    known = os.environ.get("HOSTILE_SEED")
    number = int(known or random.SystemRandom().randrange(2**32))
    print(f"HOSTILE_SEED={number}")
    chosen = settings(
        max_examples=examples,
        database=None,
        phases=(Phase.generate, Phase.shrink) if known else (Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(chosen(given(**strategies)(test)))()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory; whoever executes a hostile text leaves a file there."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert not list(folder.iterdir()), "something was executed"


# --- YAML -> configuration -> Jinja -> Groovy -------------------------------------------------------------------------
class Evaluator:
    """Groovy 2.4 in a process of its own: evaluates Jenkinsfiles and says what they call (tests/groovy, `run --evaluate`)."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [str(ROOT / "tests/groovy/run"), "--evaluate"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> "Evaluator":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # it ends when nothing more is asked
        self._process.wait(DEADLINE_SECONDS)
        self._process.stdout.close()

    def calls(self, source: str) -> list[dict[str, Any]]:
        """The calls and assignments of a Jenkinsfile with their evaluated values, as they nest."""
        ends = threading.Timer(DEADLINE_SECONDS, self._process.kill)
        ends.start()
        try:
            self._process.stdin.write(json.dumps({"source": source}).encode() + b"\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        finally:
            ends.cancel()
        assert "error" not in answer, f"{answer['error']}\n{source}"
        calls: list[dict[str, Any]] = answer["calls"]
        return calls


# What stands for the hostile text number 7 in the harmless twin of a configuration.
PLACE = re.compile(r"harmless\.(\d+)\.")
NO_CHARACTER = "\uffff"  # Groovy's lexer takes it for the end of the file: refused, see below
# A kind of place -> characters that do not fit in there by the rules of the configuration.
KINDS = {
    "any": NO_CHARACTER,
    "variable": NO_CHARACTER + "\0",
    "line": NO_CHARACTER + "\0\r\n",
    "axis": NO_CHARACTER + "=%\x7f" + "".join(map(chr, range(32))),
    "listed": NO_CHARACTER + ",\r\n",
    "address": NO_CHARACTER + "\0@",
    "mount": NO_CHARACTER + ":\r\n",
}


@dataclass(frozen=True)
class Twins:
    """A configuration with harmless texts, and the hostile ones that take their places."""

    document: dict[str, Any]
    prefix: str
    hostile: tuple[str, ...]

    def exchanged(self, value: Any) -> Any:
        """The value with the hostile texts in place of the harmless ones."""
        match value:
            case str():
                return PLACE.sub(lambda place: self.hostile[int(place[1])], value)
            case list():
                return [self.exchanged(item) for item in value]
            case dict():
                return {self.exchanged(key): self.exchanged(item) for key, item in value.items()}
        return value


@st.composite
def twins(draw: st.DrawFn) -> Twins:
    """Configurations with a hostile text in every place that takes any text."""
    kinds: list[str] = []

    def place(kind: str = "any") -> str:
        kinds.append(kind)
        return f"harmless.{len(kinds) - 1}."

    def some(count: int, kind: str) -> list[str]:
        return [place(kind) for _ in range(count)]

    agents: dict[str, Callable[[], dict[str, Any]]] = {
        "label": lambda: {"label": place()},
        "node": lambda: {"node": place("line")},
        "docker": lambda: {"docker": {"image": place(), "label": place(), "args": place()}},
        "kubernetes": lambda: {
            "kubernetes": {"image": place(), "cloud": place(), "volumes": {f"/{place('mount')}": "models"}}
        },
    }
    installs: dict[str, Callable[[], dict[str, Any]]] = {
        "wheel": lambda: {"wheel": place("address"), "sha256": "a" * 64, "requirements": place("variable")},
        "git": lambda: {"git": place("address"), "tag": "v1"},
    }
    shape = draw(st.sampled_from(["one agent", "agents", "library", "matrix"]))
    agent = draw(st.sampled_from(["label", "node", *(["docker", "kubernetes"] if shape != "one agent" else [])]))
    jenkins: dict[str, Any] = {
        "style": "library" if shape == "library" else "standalone",
        "agent": agents[agent](),
        "multibranch": shape != "agents",
        "triggers": [{"cron": "H 3 * * *"}],
        "environment": {f"V{number}": place("variable") for number in range(40)},
        "parameters": [
            *({"string": f"S{n}", "default": place("line"), "description": place()} for n in range(8)),
            *({"text": f"T{n}", "default": place("variable"), "description": place()} for n in range(8)),
            *({"choice": f"C{n}", "choices": ["first", *some(6, "line")], "description": place()} for n in range(3)),
            {"boolean": "B", "default": True, "description": place()},
            {"text": "KIND", "default": place("variable"), "sets": "kind"},
        ],
        "credentials": {"A": place(), "B_KEY": {"id": place(), "stages": ["train"]}, "C_KEY": {"id": place(), "stages": ["serve"]}},
        "notify": {"mail": {"to": some(3, "listed")}, "slack": {"channel": place()}},
        "forge": {"kind": "github", "credentials": place()},
        "rollback_job": True,
    }  # fmt: skip
    if shape != "one agent":
        # The server of the local target would end with a container.
        jenkins["agents"] = {"serve": agents["node"]()}
    if shape == "agents":
        jenkins["agents"]["train"] = agents["kubernetes"]()
        jenkins["approval"] = {"message": place(), "submitters": some(3, "listed")}
    if shape != "one agent":
        jenkins["install"] = installs[draw(st.sampled_from(["wheel", "git"]))]()
    if shape == "matrix":
        sizes = some(4, "axis")
        jenkins["matrix"] = {"axes": {"size": ["small", *sizes]}, "exclude": [{"size": sizes[0]}]}
    document = {
        "model": "digits",
        "data": {"load": "data:load"},
        "train": {"entrypoint": "model:train", "params": {"kind": "a", "size": "small"}},
        "serve": {"release_branch": place()},
        "jenkins": jenkins,
    }
    prefix = place()
    # Choices and the values of an axis differ; a name in a list is not blank.
    drawn = [
        draw(texts(without=KINDS[kind])) + (f"!{number}" if kind in ("line", "listed", "variable", "axis") else "")
        for number, kind in enumerate(kinds)
    ]
    drawn[0] = draw(st.one_of(st.just(drawn[0]), LONG))
    return Twins(document, prefix, tuple(drawn))


YAML_STYLES = ("json", "'", '"', "|", ">")
# What ruamel.yaml's emitter would write as it is in these styles, though no reader takes it there or gives it back.
# (It also writes a folded line that begins with a tab so that it is read as two.)
ESCAPED = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def written(document: dict[str, Any], style: str) -> str:
    """A document as YAML, by our own writer ("json") or by ruamel.yaml's with the texts in one of its styles."""
    if style == "json":
        return quoted(document)

    class Representer(SafeRepresenter):
        pass

    def text(representer: Representer, value: str) -> Any:
        folds_wrongly = style == ">" and "\t" in value
        chosen = '"' if folds_wrongly or ESCAPED.search(value) else style
        return representer.represent_scalar("tag:yaml.org,2002:str", value, style=chosen)

    Representer.add_representer(str, text)
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.allow_unicode = True
    yaml.default_flow_style = False
    yaml.width = 1_000_000  # it also breaks long lines wrongly
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def jenkinsfiles(config: Config, prefix: str) -> dict[str, str]:
    """The Groovy files of a configuration."""
    rendered = render(config, build(config), prefix)
    return {name: rendered[name] for name in (FILE, ROLLBACK_FILE)}


def flat(calls: list[dict[str, Any]], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each recorded call and assignment with its path; a pod's definition is read, as Kubernetes does."""
    for number, call in enumerate(calls):
        if "assign" in call:
            yield f"{path}/{number}:{call['assign']} =", call["value"]
            continue
        here = f"{path}/{number}:{call['call']}"
        yield here, [json.loads(text) for text in call["arguments"]] if call["call"] == "yaml" else call["arguments"]
        yield from flat(call["inside"], here)


def node_of(label: str) -> str:
    """The name of the one node that a label expression means, by the grammar of Jenkins: an atom or a quoted string."""
    if re.fullmatch(r"[^&|!<>() \t\"']+", label):
        return label
    assert re.fullmatch(r'"(\\["\\]|[^\\"\r\n])*"', label), label
    return re.sub(r"\\(.)", r"\1", label[1:-1])


def nodes(document: dict[str, Any]) -> set[str]:
    """The names of nodes in a configuration."""
    jenkins = document["jenkins"]
    return {agent["node"] for agent in (jenkins["agent"], *jenkins.get("agents", {}).values()) if "node" in agent}


def assert_same(harmless: list[dict[str, Any]], hostile: list[dict[str, Any]], twin: Twins) -> None:
    """Both call the same, and each value of the second is the text that took the place of the first's."""
    before, after = list(flat(harmless)), list(flat(hostile))
    assert [path for path, _ in after] == [path for path, _ in before], "a text has added or removed a call"
    for (path, old), (_, new) in zip(before, after, strict=True):
        if path.endswith(":label") and {node_of(label) for label in old} & nodes(twin.document):
            old, new = [node_of(label) for label in old], [node_of(label) for label in new]
        assert new == twin.exchanged(old), f"{path}: {old}"


@pytest.mark.groovy
@pytest.mark.xdist_group("groovy-hostile")
def test_every_text_of_a_configuration_is_what_groovy_reads(empty_folder: Path) -> None:
    texts_placed = 0

    with Evaluator(empty_folder) as evaluator:

        @cache
        def harmless_calls(document: str, prefix: str) -> dict[str, list[dict[str, Any]]]:
            files = jenkinsfiles(loads(document), prefix)
            return {name: evaluator.calls(source) for name, source in files.items()}

        def check(twin: Twins, style: str | None) -> None:
            nonlocal texts_placed
            harmless = harmless_calls(json.dumps(twin.document), twin.prefix)
            config = loads(written(twin.exchanged(twin.document), style))
            sources = jenkinsfiles(config, twin.exchanged(twin.prefix))
            for name, source in sources.items():
                assert_same(harmless[name], evaluator.calls(source), twin)
            texts_placed += len(twin.hostile)

        checked(110, check, twin=twins(), style=st.sampled_from(YAML_STYLES))
    print(f"{texts_placed} hostile texts came through YAML, Jinja and Groovy")
    assert texts_placed >= 10_000


@pytest.mark.groovy
@pytest.mark.xdist_group("groovy-hostile")
def test_the_evaluator_sees_what_careless_quoting_lets_through(tmp_path: Path) -> None:
    careless = f"pipeline {{\n  agent {{ label 'x'; new File('{PWNED}').createNewFile(); '' }}\n}}\n"
    careful = "pipeline {\n  agent { label 'x' }\n}\n"
    interpolated = 'pipeline {\n  agent { label "${1 + 1}" }\n}\n'
    with Evaluator(tmp_path) as evaluator:
        assert evaluator.calls(careful) != evaluator.calls(interpolated)
        assert [value for path, value in flat(evaluator.calls(interpolated)) if path.endswith("label")] == [["2"]]
        assert not (tmp_path / PWNED).exists()
        evaluator.calls(careless)
    assert (tmp_path / PWNED).exists()


def test_the_one_character_that_no_groovy_file_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match=r"U\+FFFF"):
        literal(f"a{NO_CHARACTER}b")


# --- the environment -> sh and bash -----------------------------------------------------------------------------------
TEXT = 'model: digits\ndata: {load: "data:load"}\ntest: {command: pytest -q}\ntrain: {entrypoint: "model:train"}\n'


def shell_lines() -> list[str]:
    """The commands of our Jenkinsfiles and of the shared library that start jenkins-ml."""
    sources = []
    for section in ("{rollback_job: true}", "{results: {rejected: unstable}, forge: {kind: github, credentials: x}}"):
        config = loads(f"{TEXT}jenkins: {section}\n")
        sources += jenkinsfiles(config, "").values() if "rollback" in section else [render(config, build(config))[FILE]]
    found = [line for source in sources for line in re.findall(r"(?:sh |sh script: |stageResult\()'(.*?)'", source)]
    library = (ROOT / "vars/mlStage.groovy").read_text()
    found += [*re.findall(r"script: '(\".*?)'", library), *re.findall(r"'''(.*?)'''", library, re.DOTALL)]
    return sorted(set(found))


class Program:
    """A fake `jenkins-ml` that notes its arguments and its environment byte for byte, as the kernel has them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        program = folder / "jenkins-ml"
        program.write_text(
            f"#!/bin/sh\ncat /proc/$$/environ >{folder}/environment\ncat /proc/$$/cmdline >{folder}/arguments\n"
        )
        program.chmod(0o755)

    def call(self) -> tuple[list[bytes], dict[bytes, bytes]]:
        """The arguments and the environment of the last call."""
        arguments = (self.folder / "arguments").read_bytes().split(b"\0")[2:-1]
        entries = (self.folder / "environment").read_bytes().split(b"\0")[:-1]
        (self.folder / "arguments").unlink()
        return arguments, dict(entry.split(b"=", 1) for entry in entries)


@pytest.mark.parametrize("shell", [["bash", "-c"], ["sh", "-c"], ["sh", "-xe"]], ids=" ".join)
def test_the_environment_comes_through_the_shell_byte_for_byte(
    shell: list[str], empty_folder: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path / "bin")
    script = tmp_path / "script.sh"
    lines = shell_lines()
    assert {"jenkins-ml test", "jenkins-ml rollback", "jenkins-ml publish", '"$JENKINS_ML_PROGRAM" test'} < set(lines)

    def check(values: list[str], line: str) -> None:
        given = {f"V{number}": value for number, value in enumerate(values)} | {"JENKINS_ML_RUN": values[0]}
        library = {"JENKINS_ML_PROGRAM": "jenkins-ml", "JENKINS_ML_STAGE": "gate"}
        library["JENKINS_ML_ANSWER"] = f"{tmp_path}/answer.json"
        environment = {"PATH": f"{program.folder}:/usr/bin:/bin", **library, **given}
        script.write_text(line.replace("mkdir -p .jenkins-ml", f"mkdir -p {tmp_path}"))
        what = str(script) if shell[-1] == "-xe" else script.read_text()  # "sh -xe FILE" is how Jenkins starts it
        subprocess.run([*shell, what], env=environment, check=True, capture_output=True, timeout=DEADLINE_SECONDS)
        arguments, arrived = program.call()
        assert arguments in ([line.split()[-1].encode()], [b"gate", b"--json"])
        assert {name: arrived[name.encode()] for name in given} == {
            name: value.encode() for name, value in given.items()
        }

    no_nul = texts(without="\0", empty=True)
    checked(
        60,
        check,
        values=st.lists(st.one_of(no_nul, no_nul, no_nul, LONG), min_size=12, max_size=12),
        line=st.sampled_from(lines),
    )


@pytest.mark.parametrize(
    "section",
    [{"environment": {"A": "a\0b"}}, {"parameters": [{"text": "A", "default": "\0"}]}],
    ids=["environment", "parameter"],
)
def test_what_no_environment_can_carry_is_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        loads(f"{TEXT}jenkins: {quoted(section)}\n")


# --- branches -> git -> runs and folders ------------------------------------------------------------------------------
def encoded(branch: str) -> str:
    """A branch as the name of its job in a multibranch job: what has a meaning in an address is %-encoded."""
    return re.sub(r"[#%/?\[\]\\]", lambda found: f"%{ord(found[0]):02X}", branch)


@pytest.fixture(scope="module")
def git_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit."""
    folder = tmp_path_factory.mktemp("branches")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (
        ["init", "-q"],
        [*identity, "commit", "-q", "--allow-empty", "-m", "$(touch PWNED)"],
        ["tag", "start"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True, timeout=DEADLINE_SECONDS)
    return folder


def git(folder: Path, *arguments: str) -> bool:
    """Whether git does it."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False, timeout=DEADLINE_SECONDS)
    return done.returncode == 0


# What git refuses in the name of a branch, in part.
REFUSED_BY_GIT = " ~^:?*[\\\x7f" + "".join(map(chr, range(32)))
BRANCH_PARTS = (
    *("feature", "main", "/", "/", "%2F", "%252F", "%", "%25", "é", "e\u0301", "模", "\U0001f600", "-", "--", "'", '"', "`"),
    *("$(id)", f"$(touch${{IFS}}{PWNED})", ";", "&", "|", "<script>", "]]>", "&amp;", "{{7}}", "${x}", "#", "+", "=", ",", "@", "!"),
    *(".", "..", "_", "\u202e", "\u200b", "x" * 150, "模" * 50, "\u3000", "\xa0"),
    *("PR-1", "origin", "(", ")", "%2e%2e%2f", "\uff0e", "\u2024\u2024"),
)  # fmt: skip
BRANCHES = texts(without=REFUSED_BY_GIT, fragments=BRANCH_PARTS, most=5)


def on_branch(folder: Path, branch: str) -> tuple[str | None, str | None]:
    """The branch of a checkout as git alone tells it, and as a multibranch build does, whose checkout is detached."""
    assert git(folder, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    assert git(folder, "update-ref", "HEAD", "start")
    git_says = checkout.describe(folder, {})
    assert git(folder, "checkout", "-q", "--detach")
    assert git(folder, "update-ref", "-d", f"refs/heads/{branch}")
    jenkins_says = checkout.describe(folder, {names.ENV_BUILD_TAG: "x", "BRANCH_NAME": branch})
    assert git_says.sha == jenkins_says.sha is not None
    return git_says.branch, jenkins_says.branch


def run_of(job: str, number: int, branch: str) -> str:
    """The run of a build of a multibranch job, as every stage calls it."""
    with pytest.MonkeyPatch.context() as patch:
        # As the Jenkinsfile has it: "${env.JOB_NAME}-${env.BUILD_NUMBER}".
        patch.setenv(names.ENV_RUN, f"{job}/{encoded(branch)}-{number}")
        return current_run()


def test_git_branches_become_runs_and_folders_of_their_own(
    git_folder: Path, tmp_path: Path, empty_folder: Path
) -> None:
    store = ModelStore(tmp_path / "store", "digits")
    seen_runs: dict[str, tuple[str, int]] = {}
    seen_folders: dict[Path, str] = {}

    def check(branch: str, number: int) -> None:
        # Blanks at the ends, which git allows outside of ASCII, and names of tags: see below.
        assume(branch == branch.strip() and branch != "start")
        # git keeps a branch in a file of its name and ".lock".
        assume(all(len(part.encode()) <= 250 for part in branch.split("/")))
        assume(git(git_folder, "check-ref-format", f"refs/heads/{branch}"))
        git_says, jenkins_says = on_branch(git_folder, branch)
        assert git_says == jenkins_says == branch
        run = run_of("ml team/digits", number, branch)
        assert seen_runs.setdefault(run, (branch, number)) == (branch, number)
        folder = store.path(1, branch)
        assert seen_folders.setdefault(folder, branch) == branch
        record = store.home / names.RUNS / run / "train.json"
        for path in (record, folder):
            below = path.relative_to(store.home).parts
            assert len(below) == {record: 3, folder: 4}[path], "it has left its place"
            assert not {".", "..", ""} & set(below)
            assert all(len(os.fsencode(part)) <= 255 for part in below)
            path.mkdir(parents=True, exist_ok=True)

    checked(200, check, branch=BRANCHES, number=st.integers(1, 3))
    assert len(seen_folders) > 50


@given(st.lists(st.tuples(BRANCHES, st.integers(1, 12)), min_size=2, max_size=20, unique=True))
def test_different_builds_are_different_runs(builds: list[tuple[str, int]]) -> None:
    assert len({run_of("digits", number, branch) for branch, number in builds}) == len(builds)
    # A view, a folder or a person may have encoded the name of the job once more.
    assert len({run_of("digits", number, encoded(branch)) for branch, number in builds}) == len(builds)


AXES = st.lists(
    texts().filter(lambda text: re.search(r"[=%\x00-\x1f\x7f]", text) is None), min_size=1, max_size=3, unique=True
)


@settings(max_examples=50)
@given(first=AXES, second=AXES)
def test_different_cells_are_different_runs(first: list[str], second: list[str]) -> None:
    axes = {"a": ["1,b", *first], "b": ["2", *second]}
    axes = {name: list(dict.fromkeys(values)) for name, values in axes.items()}
    matrix = quoted({"params": dict.fromkeys(axes, "x")}), quoted({"matrix": {"axes": axes}})
    text = f'model: m\ndata: {{load: "a:b"}}\ntrain: {{entrypoint: "a:b", {matrix[0][1:]}\njenkins: {matrix[1]}\n'
    cells = build(loads(text)).cells
    runs = set()
    for cell in cells:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(names.ENV_RUN, cell.environment("job-1")[names.ENV_RUN])
            runs.add(current_run())
    assert len(runs) == len(cells)


# --- reports: XML, Markdown, HTML -------------------------------------------------------------------------------------
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def in_xml(text: str) -> str:
    """The text with a visible sign for each character that XML 1.0 cannot carry, not even escaped."""
    return NOT_IN_XML.sub("\ufffd", text)


def hostile_decision(text: str, other: str) -> Decision:
    """A decision with a hostile text wherever one can stand."""
    outcomes = ("failed", "inconclusive", "skipped", "passed")
    overall = [replace(CONDITIONS[0], name=text, reason=other, outcome=outcome) for outcome in outcomes]
    sliced = [replace(condition, metric=other, slice=text) for condition in overall]
    measurements = (
        replace(MEASUREMENTS[0], metric=text),
        replace(MEASUREMENTS[3], metric=other, slice=text),
    )
    return replace(
        DECISION, model=text, summary=other, run=text, environment=other, conditions=(*overall, *sliced),
        metrics={text: 0.5}, baseline_metrics={text: 0.4}, measurements=measurements,
    )  # fmt: skip


def test_junit_xml_carries_every_text_exactly(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"

    def check(text: str, other: str) -> None:
        decision = hostile_decision(text, other)
        junit.write(path, decision)
        [suite] = ET.parse(path).getroot().iter("testsuite")
        assert suite.attrib["name"] == f"gate of {in_xml(text)}"
        cases = list(suite.iter("testcase"))
        assert [case.attrib["name"] for case in cases] == [in_xml(text)] * 8
        gate = f"{in_xml(text)}.gate"
        classes = [gate] * 4 + [f"{gate} {in_xml(text).replace('.', '_')}"] * 4
        assert [case.attrib["classname"] for case in cases] == classes
        for results in ([case[0] for case in cases[:4]], [case[0] for case in cases[4:]]):
            assert [result.tag for result in results] == ["failure", "failure", "skipped", "system-out"]
            assert [result.get("message", "") for result in results[:3]] == [in_xml(other)] * 3
            assert results[3].text.startswith(f"passed: {in_xml(other)}\n")

    checked(500, check, text=texts(), other=texts(empty=True))


def shown_by_markdown(source: str) -> list[str]:
    """The texts of table cells that a Markdown reader shows; nothing else but our own markup may be in the source."""
    cells = []
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
    for before, token in pairwise(tokens):
        assert token.type not in ("html_block", "code_block", "fence")
        if token.type == "inline":
            kinds = {child.type for child in token.children or ()}
            assert kinds <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
            if before.type == "td_open":
                cells.append("".join(child.content for child in token.children or ()))
    return cells


def test_markdown_shows_every_text_and_obeys_none() -> None:
    def check(text: str, other: str) -> None:
        cells = shown_by_markdown(markdown.summary(hostile_decision(text, other)))
        in_slice, measured = 4 * 8, 6 * 8 + 6  # two conditions of the slice follow four; then the second measurement
        places = {
            0: (text, 80),
            7: (other, 300),
            in_slice: (text, 80),
            in_slice + 7: (other, 300),
            measured: (other, 80),
            measured + 1: (text, 80),
        }
        for place, (expected, limit) in places.items():
            assert cells[place].strip() == one_line(expected, limit).replace("@", "@\u200b").strip()

    checked(300, check, text=texts(), other=texts())


def test_a_comment_keeps_its_hidden_mark_whatever_it_is_about() -> None:
    def check(subject: str, build_url: str) -> None:
        comment = pull_request.comment(
            DECISION, subject=subject, commit="ab" * 20, build_url=f"https://ci/{build_url}", limit=100_000
        )
        mark, rest = comment.split("\n", 1)
        assert re.fullmatch(r"<!-- jenkins-ml: [\x21-\x7e]* -->", mark)
        assert "-->" not in mark.removesuffix("-->")
        assert mark == pull_request.marker(subject)
        assert re.search(r"\[This build\]\(<https://ci/[^<>\s]*>\)", rest)

    checked(200, check, subject=texts(), build_url=texts())


class Page(HTMLParser):
    """Notes the tags of a page with the names of their attributes, and its texts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.texts: set[str] = set()
        self._text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_text()
        self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._end_text()

    def handle_data(self, data: str) -> None:
        self._text += data

    def _end_text(self) -> None:
        self.texts.add(self._text)
        self._text = ""


def test_the_page_shows_every_text_and_gets_no_tag_from_it(tmp_path: Path) -> None:
    def page(text: str, other: str) -> Page:
        lineage = replace(DATA.candidate.lineage, params={"p": text}, built_by=other, training=other)
        data = replace(
            DATA,
            decision=hostile_decision(text, other),
            candidate=replace(DATA.candidate, lineage=lineage, curves={}),
            confusion=None,
            baseline_confusion=None,
            history=(replace(BINARY.history[0], created=other, metrics={text: 0.25}),),
        )
        return Page(html.write(tmp_path, data).read_text(encoding="utf-8"))

    harmless = page("a", "b")

    def check(text: str, other: str) -> None:
        hostile = page(text, other)
        assert hostile.tags == harmless.tags
        assert one_line(text, 300) in hostile.texts
        assert printable(other).replace("\r\n", "\n").replace("\r", "\n") in hostile.texts

    checked(100, check, text=texts(), other=texts())
