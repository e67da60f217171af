"""What Grafana gets for a configuration lies beside it, and is what is generated today.

python -m tests.golden.test_grafana_files    # after a change that is meant: writes it anew
"""

import shutil

from jenkins_ml.config import loader
from jenkins_ml.rendering.monitoring.dashboards import FOLDER, files
from tests.fakes.repository import ROOT

CASE = ROOT / "tests/golden/grafana/digits"


def lying() -> dict[str, str]:
    return {str(path.relative_to(CASE)): path.read_text() for path in (CASE / FOLDER).rglob("*") if path.is_file()}


def test_what_is_generated_is_what_lies_there():
    assert files(loader.load(CASE)) == lying()


if __name__ == "__main__":
    shutil.rmtree(CASE / FOLDER, ignore_errors=True)
    for name, text in files(loader.load(CASE)).items():
        path = CASE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
