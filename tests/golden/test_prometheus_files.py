"""What a configuration becomes for Prometheus lies beside it, and is what is generated today.

python -m tests.golden.test_prometheus_files    # after a change that is meant: writes it anew
"""

from pathlib import Path

from jenkins_ml.config import loader
from jenkins_ml.rendering.monitoring import monitors, rules, scrape
from tests.fakes.repository import ROOT

FOLDER = ROOT / "tests/golden/prometheus/digits"


def generated(folder: Path) -> dict[str, str]:
    config = loader.load(folder)
    return {**rules.files(config), **scrape.files(config), **monitors.files(config)}


def lying(folder: Path) -> dict[str, str]:
    paths = [path for path in (folder / "monitoring").rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_what_is_generated_is_what_lies_there():
    assert generated(FOLDER) == lying(FOLDER)


if __name__ == "__main__":
    for name, text in generated(FOLDER).items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
