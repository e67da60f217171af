"""`jenkins-ml generate` writes what deploys from git, and treats it as all that it writes: edits stay, and are merged."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins_ml.errors import ConfigurationError, StageFailed, UsageError
from jenkins_ml.steps.generate import command

CONFIG = """
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train"}
store: /srv/models
jenkins: {agent: {node: trainer}}
""".lstrip()
KUBERNETES = "serve:\n  target: kubernetes\n  image: {repository: registry.example.com/digits}\n"
DIGEST = "a" * 64
RELEASE = f"versions: [{{version: 7, manifest_digest: {DIGEST}}}]\nstable: 7\n"
DEPLOYMENT = "deploy/kustomize/production/v7-deployment.yaml"
POLICY = "deploy/kustomize/production/networkpolicy.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jenkins-ml.yaml").write_text(CONFIG + KUBERNETES)
    return tmp_path


@pytest.fixture
def released(folder: Path) -> Path:
    release(folder, RELEASE)
    assert call().exception is None
    return folder


def release(folder: Path, text: str) -> None:
    file = folder / "deploy/releases/production.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def call(*arguments: str):
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def deployed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "deploy").rglob("*") if path.is_file()}


def test_nothing_is_written_where_nothing_is_on_kubernetes(folder):
    (folder / "jenkins-ml.yaml").write_text(CONFIG)
    assert call().stdout == "wrote Jenkinsfile\n"
    assert not (folder / "deploy").exists()


def test_before_a_release_there_is_what_is_there_once(folder):
    assert call().exception is None
    assert deployed(folder) == {
        *(f"deploy/helm/digits/{name}" for name in ("Chart.yaml", "values.yaml", "values.schema.json")),
        *(f"deploy/helm/digits/templates/{name}" for name in ("_checks.tpl", "production.yaml")),
        *(
            f"deploy/kustomize/production/{name}.yaml"
            for name in ("kustomization", "service", "serviceaccount", "networkpolicy", "poddisruptionbudget")
        ),
    }
    assert call("--check").exception is None
    assert "selector" not in (folder / "deploy/kustomize/production/service.yaml").read_text()


def test_a_release_is_a_change_of_its_file(released):
    assert 'app.kubernetes.io/version: "7"' in (released / DEPLOYMENT).read_text()
    release(released, RELEASE.replace("7", "8"))
    failed = call("--check").exception
    assert isinstance(failed, StageFailed)
    assert "v8-deployment.yaml is not there" in str(failed)
    assert f"{DEPLOYMENT} is no longer asked for" in str(failed)
    assert "+  name: digits-production-v8" in call("--diff").stdout
    assert (released / DEPLOYMENT).exists()
    said = call().stdout
    assert f"removed {DEPLOYMENT}: it is no longer asked for" in said
    assert not (released / DEPLOYMENT).exists()
    assert (released / DEPLOYMENT.replace("v7", "v8")).exists()
    assert call("--check").exception is None


def test_edits_stay_and_are_merged(released):
    edited = released / POLICY
    edited.write_text(edited.read_text().replace("spec:\n", "spec:\n  # agreed with security\n"))
    (released / "jenkins-ml.yaml").write_text(CONFIG + KUBERNETES + "  kubernetes: {clients: {app: web}}\n")
    assert f"wrote {POLICY}, with local edits" in call().stdout
    assert "# agreed with security" in edited.read_text()
    assert "app: web" in edited.read_text()
    assert call("--check").exception is None


def test_an_edited_file_that_nobody_asks_for_stays(released):
    edited = released / DEPLOYMENT
    edited.write_text(edited.read_text() + "# mine\n")
    release(released, "{}\n")
    assert f"{DEPLOYMENT} is no longer asked for, and stays because it has local edits" in call().stdout
    assert edited.exists()


def test_what_is_no_longer_on_kubernetes_goes(released):
    (released / "jenkins-ml.yaml").write_text(CONFIG)
    failed = call().exception
    assert isinstance(failed, ConfigurationError)  # the file of releases is somebody's: it is not overlooked
    (released / "deploy/releases/production.yaml").unlink()
    assert call().exception is None
    assert deployed(released) == set()
    assert call("--check").exception is None


def test_a_file_of_somebody_else_is_left_alone(folder):
    (folder / POLICY).parent.mkdir(parents=True)
    (folder / POLICY).write_text("kind: NetworkPolicy\n")
    failed = call().exception
    assert isinstance(failed, UsageError)
    assert f"jenkins-ml did not make {POLICY}" in str(failed)


def test_a_canary_that_cannot_be_is_refused(released):
    other = f"{{version: 8, manifest_digest: {DIGEST}}}"
    release(
        released, f"versions: [{{version: 7, manifest_digest: {DIGEST}}}, {other}]\nstable: 7\ncanary: 8\nweight: 9\n"
    )
    failed = call().exception
    assert isinstance(failed, UsageError)
    assert failed.next_step == "give it `beside: 7`"
