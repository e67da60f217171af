"""The kustomize base of an environment: its objects, each in a file of its own, and the list of them."""

from __future__ import annotations

from typing import Final

from jenkins_ml.config.gitops import FOLDER
from jenkins_ml.rendering.kubernetes.objects import Object, Objects
from jenkins_ml.rendering.kubernetes.release import Release, everything
from jenkins_ml.rendering.kubernetes.text import text

BASES: Final = "deploy/kustomize"
_MADE: Final = "# Made by jenkins-ml: what is edited here stays, and is merged.\n"


def base(objects: Objects, wanted: Release) -> dict[str, str]:
    """The base.

    Args:
        objects: what serves the environment.
        wanted: what runs there.

    Returns:
        relative file name -> text.
    """
    files = {_file(objects, thing): text(thing) for thing in everything(objects, wanted)}
    about = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(files)}
    note = f"# Which versions: {FOLDER}/{objects.environment}.yaml, then `jenkins-ml generate`.\n"
    written = {"kustomization.yaml": f"{note}{text(about)}", **files}
    return {f"{BASES}/{objects.environment}/{name}": _MADE + content for name, content in written.items()}


def _file(objects: Objects, thing: Object) -> str:
    """Its kind, and which version it belongs to."""
    own: str = thing["metadata"]["name"].removeprefix(objects.name).removeprefix("-")
    return "-".join(part for part in (own, thing["kind"].lower()) if part) + ".yaml"
