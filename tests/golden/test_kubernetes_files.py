"""What configurations become on Kubernetes lies beside each of them, and is what is generated today.

python -m tests.golden.test_kubernetes_files    # after a change that is meant: writes it anew
"""

import shutil
from pathlib import Path

import pytest

from jenkins_ml.config import gitops, loader
from jenkins_ml.rendering.kubernetes.files import files
from tests.fakes.repository import ROOT

FOLDER = ROOT / "tests/golden/kubernetes"
CASES = ("baked", "files")
GENERATED = ("deploy/helm", "deploy/kustomize")


def generated(folder: Path) -> dict[str, str]:
    config = loader.load(folder)
    return files(config, gitops.load(folder, gitops.environments(config.serve)))


def lying(folder: Path) -> dict[str, str]:
    paths = [path for each in GENERATED for path in (folder / each).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


@pytest.mark.parametrize("case", CASES)
def test_what_is_generated_is_what_lies_there(case):
    assert generated(FOLDER / case) == lying(FOLDER / case)


if __name__ == "__main__":
    for case in CASES:
        for each in GENERATED:
            shutil.rmtree(FOLDER / case / each, ignore_errors=True)
        for name, text in generated(FOLDER / case).items():
            path = FOLDER / case / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
