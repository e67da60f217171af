"""kill -9 before each durable operation of `generate`: every file is whole, and the next run ends what was begun."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.kill

MORE = "store: /srv/models\njenkins: {agent: {node: trainer}, rollback_job: true}\n"
LESS = "store: /srv/models\njenkins: {agent: {node: trainer}, timeout: 5h}\n"
FILES = (
    "Jenkinsfile",
    "Jenkinsfile.rollback",
    ".jenkins-ml/base/Jenkinsfile",
    ".jenkins-ml/base/Jenkinsfile.rollback",
    ".jenkins-ml/base/unfinished.json",
)


@pytest.fixture
def scene(cold_project, tmp_path: Path):
    """A project with an edited Jenkinsfile, whose configuration then changes what two files are."""
    configuration = cold_project.folder / "jenkins-ml.yaml"
    before = configuration.read_text()
    configuration.write_text(before + MORE)
    cold_project.ok("generate")
    cold_project.change("Jenkinsfile", "    stage('Gate') {\n", "    stage('Mine') {\n    }\n    stage('Gate') {\n")
    configuration.write_text(before + LESS)
    shutil.copytree(cold_project.folder, tmp_path / "kept")
    return cold_project


def restore(scene, kept: Path) -> None:
    shutil.rmtree(scene.folder)
    shutil.copytree(kept, scene.folder)


def content(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in FILES if (folder / name).exists()}


def test_killed_anywhere_it_is_finished_by_the_next_run(scene, tmp_path: Path):
    kept = tmp_path / "kept"
    before = content(kept)
    count = scene.ok("generate").count
    after = content(scene.folder)
    assert set(before) - set(after) == {"Jenkinsfile.rollback", ".jenkins-ml/base/Jenkinsfile.rollback"}
    assert "stage('Mine')" in after["Jenkinsfile"]
    assert "time: 5" in after["Jenkinsfile"]
    assert count > 10
    unfinished = 0
    for at in range(1, count + 1):
        restore(scene, kept)
        assert scene.call("generate", at=at).code == -9
        left = content(scene.folder)
        unfinished += ".jenkins-ml/base/unfinished.json" in left
        for name in before:
            assert left.get(name) in (before[name], after.get(name)), (at, name)
        assert scene.call("generate", "--check").code == 1, at
        scene.ok("generate")
        assert content(scene.folder) == after, at
        assert scene.call("generate", "--check").code == 0, at
    assert 0 < unfinished < count
