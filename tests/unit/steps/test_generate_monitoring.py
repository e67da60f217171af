"""`jenkins-ml generate` and the files that watch a model: they come with `monitor`, and go with it."""

import json

import pytest
from click.testing import CliRunner

from jenkins_ml.steps.generate import command

CONFIG = """
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train"}
store: /srv/models
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def generate(folder, monitor, *options):
    (folder / "jenkins-ml.yaml").write_text(CONFIG + monitor)
    done = CliRunner().invoke(command, ["--json", *options])
    states = {each["path"]: each["state"] for each in json.loads(done.stdout)["files"]} if done.stdout else {}
    return done, {name: state for name, state in states.items() if name.startswith("monitoring/")}


def test_files_come_with_the_section_and_go_with_it(folder):
    assert generate(folder, "")[1] == {}
    done, made = generate(folder, "monitor: {}\n")
    assert done.exit_code == 0
    assert {name.split("/")[1] for name in made} >= {"prometheus", "alertmanager", "grafana"}
    assert set(made.values()) == {"created"}
    assert all((folder / name).read_text() for name in made)
    checked, same = generate(folder, "monitor: {}\n", "--check")
    assert checked.exit_code == 0
    assert set(same.values()) == {"current"}
    _, removed = generate(folder, "")
    assert removed == dict.fromkeys(made, "removed")
    assert not any((folder / name).exists() for name in made)


def test_an_edit_stays(folder):
    generate(folder, "monitor: {}\n")
    rules = folder / "monitoring/prometheus/rules.yaml"
    rules.write_text(f"# ours\n{rules.read_text()}")
    _, made = generate(folder, "monitor: {slo: {availability: 0.95}}\n")
    assert made["monitoring/prometheus/rules.yaml"] == "merged"
    assert rules.read_text().startswith("# ours\n")
