"""The README's configuration is the example's, and its commands exist."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from jenkins_ml.cli import COMMANDS
from jenkins_ml.config.loader import load, loads

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks():
    return [
        re.sub(r"^ {4}", "", block, flags=re.M) for block in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", README, re.M)
    ]


def test_the_configuration_shown_is_the_quickstarts():
    [shown] = [block for block in blocks() if block.lstrip().startswith("model:")]
    assert loads(shown.lstrip(), "README.md") == load(ROOT / "examples/quickstart")


def test_the_watch_shown_is_right_and_sends_alerts_where_they_are_taken():
    [shown] = [block for block in blocks() if block.lstrip().startswith("monitor:")]
    monitor = loads((ROOT / "examples/quickstart/jenkins-ml.yaml").read_text() + shown.lstrip(), "README.md").monitor
    assert urlsplit(monitor.alerts.hook.url).path in ("", "/")  # what jenkins-ml alert-hook takes


def test_the_quickstart_is_under_15_lines():
    assert len((ROOT / "examples/quickstart/jenkins-ml.yaml").read_text().splitlines()) < 15


def test_every_command_shown_exists():
    shown = re.findall(r"^\s*jenkins-ml (\w+)", README, re.M)
    assert len(shown) >= 8
    assert set(shown) <= set(COMMANDS)


def test_both_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^ {4}make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
