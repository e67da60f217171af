"""The files that deploy from git: one chart of a model, and a kustomize base of each of its environments."""

from __future__ import annotations

from collections.abc import Mapping

from jenkins_ml.config.gitops import Released
from jenkins_ml.config.model import Config
from jenkins_ml.config.serve import Serve
from jenkins_ml.rendering.kubernetes import kustomize
from jenkins_ml.rendering.kubernetes.chart import chart
from jenkins_ml.rendering.kubernetes.objects import Objects
from jenkins_ml.rendering.kubernetes.release import release


def environments(serve: Serve) -> dict[str, Serve]:
    """The environments on Kubernetes: name -> the section as it holds there; the one that is released to by default first."""
    names = dict.fromkeys((serve.environment, *serve.environments))
    found = {name: serve.of(name) for name in names}
    return {name: each for name, each in found.items() if each.target == "kubernetes"}


def files(config: Config, releases: Mapping[str, Released]) -> dict[str, str]:
    """The files, by name relative to the folder of jenkins-ml.yaml; none where nothing is on Kubernetes.

    Args:
        config: of the model.
        releases: what is released to each of `environments`.

    Raises:
        UsageError: traffic cannot be split so.
    """
    serves = environments(config.serve)
    objects = {name: Objects(config.model, name, serve) for name, serve in serves.items()}
    if not objects:
        return {}
    texts = chart(config.model, list(objects.values()), next(iter(objects)))
    for name, each in objects.items():
        texts |= kustomize.base(each, release(each.serve, releases[name]))
    return texts
