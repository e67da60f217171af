"""The files that deploy from git: one chart of a model, and a kustomize base of each of its environments."""

from __future__ import annotations

from collections.abc import Mapping

from jenkins_ml.config.gitops import Released, environments
from jenkins_ml.config.model import Config
from jenkins_ml.rendering.kubernetes import kustomize
from jenkins_ml.rendering.kubernetes.chart import chart
from jenkins_ml.rendering.kubernetes.objects import Objects
from jenkins_ml.rendering.kubernetes.release import release


def files(config: Config, releases: Mapping[str, Released]) -> dict[str, str]:
    """The files, by name relative to the folder of jenkins-ml.yaml.

    Args:
        config: of the model; some environment of it is on Kubernetes.
        releases: what is released to each of those.

    Raises:
        UsageError: traffic cannot be split so.
    """
    serves = environments(config.serve)
    objects = {name: Objects(config.model, name, serve) for name, serve in serves.items()}
    texts = chart(config.model, list(objects.values()), next(iter(objects)))
    for name, each in objects.items():
        texts |= kustomize.base(each, release(each.serve, releases[name]))
    return texts
