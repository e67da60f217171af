"""Whole builds out of hostile configurations: every value arrives as it is, secrets are masked, nothing is executed.

The Jenkinsfiles run on Jenkins' own Groovy (tests/groovy) with real shells; the stages are the fake `jenkins-ml` of
tests/fakes/program.py behind a wrapper that prints the secrets it gets and looks for what an executed text leaves.
"""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from jenkins_ml.config.loader import loads
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import FILE, ROLLBACK_FILE, render
from tests.fakes.hostile import FRAGMENTS, PWNED, quoted
from tests.fakes.program import Program
from tests.fakes.repository import ROOT
from tests.groovy_harness import run_jenkinsfiles

pytestmark = [pytest.mark.groovy, pytest.mark.xdist_group("groovy-hostile")]

BUILDS = 5
BRANCH = f'feature/it\'s-"{PWNED}"-$(touch${{IFS}}{PWNED})-`id`-%2F-é-{{{{7*7}}}}-]]>'
NODE = f"no'de (1) - touch {PWNED} é"  # Jenkins refuses $ and ; and the like in names of nodes
FOLDER = f'mo\'del "a" $(touch {PWNED}) ${{1+1}} é'
MESSAGE = f"it's \"fine\"? ${{'touch {PWNED}'.execute()}}\n'''); sh('touch {PWNED}')\n]]> é"
CHOSEN = {
    "GIVEN_STRING": f"'; touch {PWNED}; echo '$(touch {PWNED})`touch {PWNED}` $HOME $$ \\ \" é",
    "GIVEN_TEXT": f"a\n'''\n\"\"\"\n${{'touch {PWNED}'.execute()}}\n]]> {{{{ 7 }}}} %2F %252F $GIVEN_STRING\n\ttouch {PWNED}\n",
    "GIVEN_CHOICE": f"--help $(touch {PWNED}) 'b'",
}
TOKEN = f"t0ken'\"$(touch {PWNED})`id`\\$HOME]]>&amp;é"
PASSWORD = f"pass'word\"; touch {PWNED}; ${{x}} %2F"
USER = f"us'er $(touch {PWNED})"
SECRET_FILE = f"in a file: '$(touch {PWNED})'\n```\n"
# The ids are hostile, too.
IDS = {
    "TOKEN": f"id'1\"$(touch {PWNED})",
    "LOGIN": "id ${2} \\u0027 é",
    "KEY_FILE": f"id-3'); sh('touch {PWNED}'); ('",
}
SERVER = {
    "folder": "rec",
    "user": "o'brien $(id)",
    "agents": [{"name": NODE, "labels": ["linux"], "executors": 16}, {"name": "other", "labels": [], "executors": 16}],
    "credentials": {
        IDS["TOKEN"]: {"type": "string", "secret": TOKEN},
        IDS["LOGIN"]: {"type": "usernamePassword", "username": USER, "password": PASSWORD},
        IDS["KEY_FILE"]: {"type": "file", "fileName": "k e'y.json", "content": SECRET_FILE},
    },
}


def values(number: int) -> list[str]:
    """Every nasty fragment is in one of the values; each build has them in other company."""
    known = [fragment for fragment in FRAGMENTS if "\uffff" not in fragment]  # no Groovy file can hold that one
    count = 12 + number
    return ["".join(known[start::count]) for start in range(count)]


def one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def configuration(number: int, style: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A configuration, and the variables that its stages must get."""
    texts = values(number)
    environment = {f"V{index}": text for index, text in enumerate(texts)} | {"BUILD": f"{number}"}
    defaults = {"STRING": one_line(texts[0] + texts[1]), "TEXT": texts[2] + texts[3]}
    jenkins = {
        "style": style,
        "library": {"version": "v1"},
        "agents": {"serve": {"node": NODE}},
        "environment": environment,
        "parameters": [
            {"string": "STRING", "default": defaults["STRING"], "description": texts[4]},
            {"text": "TEXT", "default": defaults["TEXT"], "sets": "kind", "description": texts[5]},
            {"string": "GIVEN_STRING", "default": "x"},
            {"text": "GIVEN_TEXT", "default": "x"},
            {"choice": "GIVEN_CHOICE", "choices": ["a", CHOSEN["GIVEN_CHOICE"], one_line(texts[6])]},
        ],
        "credentials": {name: {"id": id_, "stages": ["train"]} for name, id_ in IDS.items()},
        "results": {"rejected": "unstable"},
        "rollback_job": True,
    }
    if number % 2:
        jenkins["approval"] = {"message": MESSAGE, "submitters": [SERVER["user"], "b"]}
    document = {
        "model": "digits",
        "data": {"load": "data:load"},
        "train": {"entrypoint": "model:train", "params": {"kind": "a"}},
        "serve": {"release_branch": BRANCH},
        "jenkins": jenkins,
    }
    return document, {**environment, **defaults, "JENKINS_ML_PARAM_kind": defaults["TEXT"], **CHOSEN}


class TalkingProgram(Program):
    """The fake program, which prints its secrets first and notes what lies in the workspace."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "quiet")
        self.found = folder / "found"
        self._talking = folder / "talking"
        self._talking.mkdir()
        path = self._talking / "jenkins-ml"
        path.write_text(
            "#!/bin/sh\n"
            'if [ "$1" = train ]; then printf "%s\\n" "token: $TOKEN" "password: $LOGIN_PSW" "$LOGIN" >&2; fi\n'
            'if [ "$1" = train ]; then (set -x; : "$TOKEN" "$LOGIN_PSW"); cp "$KEY_FILE" ./copied; fi\n'
            f'find "$WORKSPACE" -name {PWNED} >>{self.found}\n'
            f'exec {self.folder}/jenkins-ml "$@"\n'
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def path(self) -> str:
        return f"{self._talking}:{super().path}"


def run(files: list[Path], program: TalkingProgram, folder: Path, *more: str) -> list[dict[str, Any]]:
    """Builds of the files on our server; their consoles go to `folder`/consoles."""
    server = folder / "server.json"
    server.write_text(json.dumps(SERVER))
    options = ["--server", str(server), "--env", f"PATH={program.path}", "--console-dir", str(folder / "consoles")]
    return run_jenkinsfiles(files, library=ROOT, options=[*options, *more])


@pytest.mark.parametrize("style", ["standalone", "library"])
def test_hostile_values_come_through_whole_builds(style, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    program = TalkingProgram(tmp_path / "bin")
    files, expected = [], {}
    for number in range(BUILDS):
        document, expected[str(number)] = configuration(number, style)
        config = loads(quoted(document))
        file = tmp_path / f"build-{number}" / FILE
        file.parent.mkdir()
        file.write_text(render(config, build(config), FOLDER)[FILE])
        files.append(file)
    more = [
        "--branch",
        BRANCH,
        "--params",
        json.dumps(CHOSEN),
        "--input",
        "approve {}",
    ]  # with the form, which names who
    outcomes = run(files, program, tmp_path, *more)

    for outcome in outcomes:
        assert outcome["accepted"], outcome["errors"]
        assert outcome["result"] == "SUCCESS", outcome
    calls = program.calls()
    for number in range(BUILDS):
        own = [call for call in calls if call["environment"]["BUILD"] == str(number)]
        assert [call["arguments"][0] for call in own] == ["train", "gate", "serve"]
        for call in own:
            found = {name: call["environment"].get(name) for name in expected[str(number)]}
            assert found == expected[str(number)]
            assert call["environment"]["BRANCH_NAME"] == BRANCH
            assert Path(call["directory"]).name == FOLDER
        train, _, serve = own
        assert train["environment"]["TOKEN"] == TOKEN
        assert train["environment"]["LOGIN"] == f"{USER}:{PASSWORD}"
        assert (train["environment"]["LOGIN_USR"], train["environment"]["LOGIN_PSW"]) == (USER, PASSWORD)
        assert not {"TOKEN", "LOGIN", "LOGIN_PSW", "KEY_FILE"} & serve["environment"].keys()
        assert serve["environment"]["NODE_NAME"] == NODE
        assert serve["environment"].get("JENKINS_ML_APPROVER") == (SERVER["user"] if number % 2 else None)
    consoles = [path.read_text() for path in (tmp_path / "consoles").rglob("*") if path.is_file()]
    assert len(consoles) == BUILDS
    for console in consoles:
        assert "token: ****" in console
        assert "password: ****" in console
        for secret in (TOKEN, PASSWORD):
            assert secret not in console
            assert secret.replace("'", "'\\''") not in console  # as `set -x` shows it
    assert program.found.read_text() == ""
    assert not list(empty.iterdir())


@pytest.mark.parametrize("style", ["standalone", "library"])
def test_a_hostile_rollback(style, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    program = TalkingProgram(tmp_path / "bin")
    document, _ = configuration(0, style)
    config = loads(quoted(document))
    file = tmp_path / "rollback" / ROLLBACK_FILE
    file.parent.mkdir()
    file.write_text(render(config, build(config), FOLDER)[ROLLBACK_FILE])
    chosen = {"VERSION": CHOSEN["GIVEN_STRING"].strip(), "REASON": CHOSEN["GIVEN_CHOICE"]}
    [outcome] = run([file], program, tmp_path, "--params", json.dumps(chosen))
    assert outcome["accepted"], outcome["errors"]
    assert outcome["result"] == "SUCCESS", outcome
    [call] = program.calls()
    assert call["arguments"][0] == "rollback"
    assert call["environment"]["JENKINS_ML_ROLLBACK_TO"] == chosen["VERSION"]
    assert call["environment"]["JENKINS_ML_ROLLBACK_REASON"] == chosen["REASON"]
    assert call["environment"]["NODE_NAME"] == NODE
    assert program.found.read_text() == ""
    assert not list(empty.iterdir())
