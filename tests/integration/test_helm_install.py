"""Helm on a real API server: a chart is installed, releases are upgrades of it, and what `serve` made can be taken over."""

import itertools
import json

import pytest

from jenkins_ml import names
from jenkins_ml.config.gitops import Released
from jenkins_ml.rendering.kubernetes import chart
from jenkins_ml.rendering.kubernetes.release import everything, release
from tests.engines import packages
from tests.fakes.configurations import yaml_text
from tests.fakes.kubernetes_objects import DIGEST, objects

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

NUMBERS = itertools.count()

SEVEN = {"version": 7, "manifest_digest": DIGEST}
EIGHT = {"version": 8, "manifest_digest": DIGEST, "beside": 7, "replicas": 1}


class Site:
    """A namespace and a chart for it."""

    def __init__(self, cluster, namespace, folder):
        self.cluster, self.namespace, self.folder = cluster, namespace, folder
        self.objects = objects(kubernetes={"namespace": namespace, "replicas": 2})
        for name, text in chart.chart("digits", [self.objects], "production").items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def helm(self, command, *arguments, said=None):
        file = self.folder / "release.yaml"
        file.write_text(yaml_text(said or {}))
        where = (f"--kubeconfig={self.cluster.kubeconfig}", f"--namespace={self.namespace}")
        done = packages.run("helm", command, "digits", *arguments, *where)
        return done.stdout if done.returncode == 0 else pytest.fail(done.stderr)

    def upgrade(self, *arguments, **said):
        """A release: other values."""
        file = ("-f", self.folder / "release.yaml")
        made = self.folder / chart.CHARTS / "digits"
        return self.helm("upgrade", made, "--install", "--wait", "--timeout=60s", *file, *arguments, said=said)

    def get(self, kind):
        said = self.cluster.kubectl("get", kind, f"--namespace={self.namespace}", "-o=json")
        return {each["metadata"]["name"]: each for each in json.loads(said)["items"]}

    def answer(self, *versions):
        """Wait until these versions' pods, and no others, are those that the users' Service selects."""
        kwok = self.cluster.daemons["kwok"]
        kwok.wait_until(f"{versions} answer", lambda: self._answering() == list(versions))

    def _answering(self):
        selector = self.get("services")[self.objects.name]["spec"]["selector"]
        pods = [pod for pod in self.get("pods").values() if "deletionTimestamp" not in pod["metadata"]]
        labels = [pod["metadata"]["labels"] for pod in pods]
        return sorted(int(each[names.LABEL_VERSION]) for each in labels if selector.items() <= each.items())


@pytest.fixture
def site(cluster, tmp_path):
    namespace = f"helm-{next(NUMBERS)}"
    cluster.kubectl("create", "namespace", namespace)
    yield Site(cluster, namespace, tmp_path)
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_releases_are_upgrades_of_the_chart(site):
    site.upgrade(versions=[SEVEN])
    assert set(site.get("deployments")) == {"digits-production-v7"}
    assert "selector" not in site.get("services")[site.objects.name]["spec"]
    site.upgrade(versions=[SEVEN], stable=7)
    site.answer(7, 7)
    site.upgrade(versions=[SEVEN, EIGHT], stable=7)
    site.answer(7, 7)
    site.upgrade(versions=[SEVEN, EIGHT], stable=7, canary=8, weight=33)
    site.answer(7, 7, 8)
    site.upgrade(versions=[SEVEN, {**EIGHT, "replicas": 2}], stable=8)
    site.answer(8, 8)
    site.helm("rollback", "--wait", "--timeout=60s")
    site.answer(7, 7, 8)
    site.upgrade(versions=[{**EIGHT, "replicas": 2}], stable=8)
    assert set(site.get("deployments")) == {"digits-production-v8"}
    site.helm("uninstall", "--wait", "--timeout=60s")
    for kind in ("deployments", "services", "networkpolicies", "poddisruptionbudgets"):
        assert site.get(kind) == {}


def test_what_serve_made_is_taken_over_and_no_pod_is_replaced(site):
    # What `serve` wrote on the pods need not be known to take them over.
    made = {"versions": [{**SEVEN, "commit": "0e51a7d", "run": "ml-41", "by": "build 41"}], "stable": 7}
    said = {"versions": [SEVEN], "stable": 7}
    wanted = release(site.objects.serve, Released.model_validate_json(json.dumps(made)))
    for thing in everything(site.objects, wanted):
        site.cluster.kubectl(
            *("apply", "--server-side", f"--field-manager={names.OWNER}", "-f=-"), said=json.dumps(thing)
        )
    site.cluster.kubectl(
        *("rollout", "status", "--timeout=60s", f"--namespace={site.namespace}", "deployment/digits-production-v7")
    )
    before = set(site.get("pods"))
    assert len(before) == 2
    site.upgrade("--take-ownership", **said)
    assert set(site.get("pods")) == before
    site.answer(7, 7)
    deployment = site.get("deployments")["digits-production-v7"]
    # Helm's own mark; `jenkins-ml destroy` leaves alone what somebody else manages.
    assert deployment["metadata"]["labels"][names.LABEL_MANAGED_BY] == "Helm"
    site.upgrade(versions=[SEVEN, EIGHT], stable=7)
    site.answer(7, 7)
