import json

import pytest

from jenkins_ml.adapters.kubernetes import fleet
from jenkins_ml.adapters.kubernetes.fleet import Deployed
from jenkins_ml.adapters.target import Running, Serving
from jenkins_ml.cli import command
from jenkins_ml.errors import UsageError
from jenkins_ml.steps import status_all

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def running(version, **fields):
    given = {
        "manifest_digest": DIGEST,
        "replicas": 3,
        "ready": 3,
        "image": f"m@{DIGEST}",
        "since": "2026-01-02T03:04:05Z",
    }
    return Running(version=version, **(given | fields))


def deployed(*versions, model="digits", environment="production", **serving):
    found = Serving(versions=versions, **serving)
    return Deployed(model=model, environment=environment, namespace="ml", serving=found)


@pytest.fixture
def clusters(monkeypatch):
    """What is found, by context and namespace."""
    asked = {}
    monkeypatch.setattr(fleet, "of_context", lambda context, namespace, note: asked[context, namespace])
    return asked


def answer(*arguments):
    command.main(["status", "--all", *arguments], standalone_mode=False)


def test_a_row_says_what_has_the_traffic():
    row = status_all.row(
        deployed(running(40), running(41), stable=41, rest="http://digits.ml.svc:8501/v1/models/digits")
    )
    assert row == {
        "model": "digits",
        "environment": "production",
        "namespace": "ml",
        "version": 41,
        "digest": DIGEST,
        "since": "2026-01-02T03:04:05Z",
        "replicas": "3 of 3 ready",
        "traffic": "version 41",
        "canary": None,
        "warm": [40],
        "image": f"m@{DIGEST}",
        "problem": None,
        "server": "http://digits.ml.svc:8501/v1/models/digits",
        "grpc": None,
    }


def test_a_canary_has_its_part_of_the_row():
    row = status_all.row(
        deployed(
            running(41),
            running(42, replicas=1, ready=0, problem="it crashes"),
            stable=41,
            canary=42,
            weight=25,
            share=0.0,
        )
    )
    assert row["traffic"] == "version 41, 25 % to version 42 (0 % observed)"
    assert (row["canary"]["version"], row["canary"]["weight"], row["canary"]["replicas"]) == (42, 25, "0 of 1 ready")
    assert row["warm"] == []
    assert row["problem"] == "version 42: it crashes"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (deployed(running(1)), "no version gets traffic"),
        (deployed(), "no version gets traffic"),
        (deployed(running(1), stable=2), "traffic goes to version 2, which is not there"),
        (deployed(running(1, problem="starting")), "no version gets traffic; version 1: starting"),
    ],
)
def test_what_is_wrong_is_said_where_nothing_serves(found, problem):
    row = status_all.row(found)
    assert row["problem"] == problem
    assert (row["digest"], row["since"], row["replicas"], row["image"]) == (None, None, None, None)


def test_a_table_shows_a_dash_for_what_there_is_not():
    row = status_all.row(deployed(running(41), running(42), stable=41, canary=42, weight=5, share=5.0))
    shown = dict(zip(status_all.COLUMNS, status_all.cells(row), strict=True))
    assert (shown["canary"], shown["digest"], shown["problem"]) == ("version 42, 5 %", "sha256:0123456789ab", "-")
    assert set(status_all.cells(status_all.row(deployed()))) == {
        "digits",
        "production",
        "ml",
        "-",
        "no version gets traffic",
    }


def test_the_command_needs_no_project(clusters, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    clusters[None, None] = [
        deployed(running(1), stable=1, model="a"),
        deployed(running(2), stable=2, model="a", environment="staging"),
    ]
    answer("--json")
    assert [row["version"] for row in json.loads(capsys.readouterr().out)["models"]] == [1, 2]
    answer("--json", "--environment", "staging")
    assert [row["version"] for row in json.loads(capsys.readouterr().out)["models"]] == [2]
    answer()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["model", "environment", "namespace", "version"],
        ["a", "production", "ml", "1"],
        ["a", "staging", "ml", "2"],
    ]


def test_one_cluster_and_one_namespace_can_be_named(clusters, capsys):
    clusters["other", "ml"] = []
    answer("--context", "other", "--namespace", "ml", "--json")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"models": []}
    answer("--context", "other", "--namespace", "ml")
    assert "there is no model of jenkins-ml" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--context", "--namespace"])
def test_a_cluster_is_named_for_all_models_only(option):
    with pytest.raises(UsageError, match="go with --all"):
        command.main(["status", option, "x"], standalone_mode=False)
