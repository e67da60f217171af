"""What no command may import that neither trains nor serves: frameworks cost seconds at every start."""

import json
import shutil
import subprocess
import sys

import pytest

from jenkins_ml.names import ENV_RUN

HEAVY = ("tensorflow", "keras", "sklearn", "pandas", "scipy", "docker", "kubernetes", "grpc", "uvicorn", "starlette")
PROBE = """
import json, sys
from jenkins_ml.cli import main
try:
    main()
except SystemExit as end:
    sys.stderr.write("\\nmodules: " + json.dumps([end.code, sorted(sys.modules)]))
"""


def imported(repository, *arguments, run=None):
    """The modules that a command has imported when it ends, as it must, well."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=repository.folder, env=repository.environment(run), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    code, modules = json.loads(done.stderr.rpartition("\nmodules: ")[2])
    assert code == 0, done.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [("--help",), ("validate",), ("generate",), ("status",), ("models", "list")])
def test_commands_that_need_no_model(cold_project, arguments):
    assert imported(cold_project, *arguments).isdisjoint(HEAVY)


def test_help_imports_not_even_numpy_or_pydantic(cold_project):
    assert imported(cold_project, "--help").isdisjoint((*HEAVY, "numpy", "pydantic", "ruamel", "jinja2", "rich"))


def test_jobs_that_are_only_rendered_need_no_client_of_jenkins(cold_project):
    cold_project.write(jobs_yaml="owner: a\njobs: [{name: b, inline: c}]\n")
    assert imported(cold_project, "jobs", "render").isdisjoint((*HEAVY, "numpy", "jenkins", "requests", "jinja2"))


@pytest.mark.tensorflow
def test_gate_on_kept_predictions_serve_and_rollback(gated):
    """The release talks to the server over HTTP: only the server has the framework."""
    shutil.rmtree(gated.store.home / "journal")
    (gated.store.home / "runs/first/gate-production.json").unlink()
    assert imported(gated, "gate", run="first").isdisjoint(HEAVY)
    assert imported(gated, "serve", run="first").isdisjoint(HEAVY)
    gated.ok("run", run="second")
    assert imported(gated, "rollback").isdisjoint(HEAVY)
    assert imported(gated, "status").isdisjoint(HEAVY)
    assert gated.answering() == 1
    assert ENV_RUN not in gated.environment()
