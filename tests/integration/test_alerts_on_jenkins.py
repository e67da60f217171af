"""The job that docs/alerts.md shows for Jenkins: what becomes of it, and that its shell line takes any body."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from jenkins_ml import names
from tests.fakes.alert_bodies import alert, body
from tests.fakes.repository import ROOT

PAGE = (ROOT / "docs/alerts.md").read_text()
MONITOR = """
monitor:
  alerts: {hook: {url: "https://ci.example.com/generic-webhook-trigger/invoke", token_file: /run/token}}
"""


@pytest.fixture(scope="module")
def jobs_yaml():
    [block] = re.findall(r"\n\n(    owner: acme/ml-platform\n(?:    .*\n|\n)+?)\nand `url:", PAGE)
    return dedent(block)


def test_it_can_be_rendered_and_asks_for_the_whole_body(jobs_yaml, cold_project):
    (cold_project.folder / "jobs.yaml").write_text(jobs_yaml)
    config = cold_project.ok("jobs", "render", "production/alerts-digits").out
    assert "<key>ALERTS</key>" in config
    assert "<value>$</value>" in config
    assert "<tokenCredentialId>alertmanager</tokenCredentialId>" in config


def test_its_shell_line_takes_any_body(jobs_yaml, cold_project, tmp_path):
    with (cold_project.folder / names.CONFIG_FILE).open("a") as stream:
        stream.write(MONITOR)
    [line] = re.findall(r"sh '(.*)'\n", jobs_yaml)
    program = tmp_path / "jenkins-ml"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m jenkins_ml.cli "$@"\n')
    program.chmod(0o755)
    hostile = {"summary": "' \" $(touch made) `touch made` \\n %s \u00e4 ; touch made\n& touch made"}
    environment = cold_project.environment(ALERTS=body(alert(annotations=hostile)).decode())
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line], cwd=cold_project.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert "JenkinsMLErrorBudgetBurn: ignored: nothing is in production in production" in done.stderr
    assert not Path(cold_project.folder / "made").exists()
