"""What Helm and kustomize make of a chart and a base: the real programs, as people call them."""

import io
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.engines import binaries
from tests.engines.missing import MissingPart, leave_out

Object = dict[str, Any]
OF_CLUSTER = "1.37.2"  # a Helm that is built from its module does not know the newest version itself


def programs() -> Path:
    """The folder of all programs; the test that asks is left out where they cannot be had."""
    try:
        return binaries.programs()
    except MissingPart as missing:
        leave_out(str(missing))


def run(program: str, *arguments: str | Path, said: str | None = None) -> subprocess.CompletedProcess[str]:
    """A program of Kubernetes, to its end."""
    command = [programs() / program, *arguments]
    return subprocess.run(command, input=said, capture_output=True, text=True, check=False)


def helm_template(chart: Path, *arguments: str | Path) -> list[Object]:
    """The objects of a chart."""
    done = run("helm", "template", "release", chart, f"--kube-version={OF_CLUSTER}", *arguments)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def kustomize(base: Path) -> list[Object]:
    """The objects of a base."""
    done = run("kubectl", "kustomize", base)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def documents(text: str) -> list[Object]:
    """All objects of a text with several."""
    return [each for each in YAML(typ="safe", pure=True).load_all(io.StringIO(text)) if each is not None]


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    """Objects by kind and name, each of which is there once."""
    found = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(found) == len(objects)
    return found
