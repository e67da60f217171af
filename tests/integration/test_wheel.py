"""The package as users get it: a wheel that holds its templates and examples, and nothing that was left lying about."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml.config.loader import load
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import FILE, render

ROOT = Path(__file__).parents[2]


def run(arguments, cwd, **environment):
    return subprocess.run(
        arguments, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=True
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel's content, as an installation has it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], folder)
    [wheel] = folder.glob("*.whl")
    target = folder / "site"
    install = ["install", "--quiet", "--no-deps", "--no-compile", "--target", str(target), str(wheel)]
    run([*pip, *install], folder)
    return target


def test_it_makes_a_repository_and_its_jenkinsfile_without_the_checkout(installed, tmp_path):
    command = [sys.executable, "-m", "jenkins_ml.cli"]
    run([*command, "init", "mine", "--example", "digits"], tmp_path, PYTHONPATH=str(installed))
    made = run([*command, "-C", "mine", "generate"], tmp_path, PYTHONPATH=str(installed))
    where = run(
        [sys.executable, "-c", "import jenkins_ml; print(jenkins_ml.__file__)"], tmp_path, PYTHONPATH=str(installed)
    )
    assert Path(where.stdout.strip()).is_relative_to(installed)
    assert made.returncode == 0
    # The example's own knows the folder that it lies in; the copy is a repository's root.
    config = load(tmp_path / "mine")
    assert (tmp_path / "mine/Jenkinsfile").read_text() == render(config, build(config))[FILE]


def test_it_holds_every_template_and_no_leftovers(installed):
    bundled = installed / "jenkins_ml/_bundled"
    tracked = run(["git", "ls-files", "templates", "examples", "resources"], ROOT).stdout.split()
    assert {str(path.relative_to(bundled)) for path in bundled.rglob("*") if path.is_file()} == set(tracked)
