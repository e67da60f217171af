"""What we make are objects of Kubernetes: kubeconform finds nothing wrong, with the schemas of three of its versions."""

import copy
import json

import pytest

from tests.engines import packages, schemas
from tests.fakes.kubernetes_objects import objects, version
from tests.fakes.repository import ROOT

pytestmark = [pytest.mark.kubernetes]

BASES = sorted(ROOT.glob("tests/golden/kubernetes/*/deploy/kustomize/*"))
VERSIONS = list(schemas.MODULES)


def conform(of, said):
    """Exit code, and what is wrong."""
    packages.programs()
    done = packages.run(
        *("kubeconform", "-strict", "-output=json", f"-schema-location={schemas.schemas(of)}", "-summary"), said=said
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("of", VERSIONS)
def test_all_that_is_generated_conforms(of):
    found = [
        thing
        for base in BASES
        for path in sorted(base.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for thing in packages.documents(path.read_text())
    ]
    kinds = {thing["kind"] for thing in found}
    assert kinds == {
        *("Deployment", "HTTPRoute", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Rollout"),
        *("Service", "ServiceAccount"),
    }
    code, told = conform(of, "\n---\n".join(map(json.dumps, found)))
    assert (code, told["summary"]) == (0, {"valid": len(found), "invalid": 0, "errors": 0, "skipped": 0})


def misspelt(thing):
    thing["spec"]["template"]["spec"]["enableServiceLink"] = False


def incomplete(thing):
    del thing["spec"]["selector"]


def mistyped(thing):
    thing["spec"]["replicas"] = "2"


def nameless(thing):
    del thing["spec"]["template"]["spec"]["containers"][0]["name"]


@pytest.mark.parametrize("of", VERSIONS)
@pytest.mark.parametrize("mistake", [misspelt, incomplete, mistyped, nameless])
def test_a_mistake_would_be_found(of, mistake):
    thing = copy.deepcopy(objects().deployment(version()))
    assert conform(of, json.dumps(thing))[0] == 0
    mistake(thing)
    code, told = conform(of, json.dumps(thing))
    assert code != 0
    assert told["summary"]["invalid"] == 1


@pytest.mark.parametrize("of", VERSIONS)
def test_a_mistake_in_what_others_define_would_be_found(of):
    thing = objects(kubernetes={"traffic": "httproute", "gateway": {"name": "gateway"}}).route(7, 8, 5)
    thing["spec"]["rules"][0]["backendRefs"][0]["wieght"] = 5
    assert conform(of, json.dumps(thing))[0] != 0
    thing = objects(kubernetes={"traffic": "argo-rollouts"}).rollout(version())
    thing["spec"]["strategy"]["canary"]["steps"][0] = {"setWieght": 5}
    assert conform(of, json.dumps(thing))[0] != 0


def test_each_version_has_schemas_of_its_own():
    """A field that came later is unknown to an older API server."""
    thing = objects().deployment(version())
    thing["spec"]["template"]["spec"]["hostnameOverride"] = "host"  # 1.34
    assert [conform(of, json.dumps(thing))[0] != 0 for of in VERSIONS] == [True, False, False]
