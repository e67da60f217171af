"""What is written of the traffic is what is read back, and what was changed by hand is read as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.kubernetes.kinds import DEPLOYMENT
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.traffic import NOTE, Traffic, of_route, of_service
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import UsageError
from tests.fakes.versions import servable

VERSIONS = st.integers(1, 9)
TRAFFIC = st.one_of(
    st.builds(Traffic, VERSIONS),
    st.builds(lambda stable, weight: Traffic(stable, stable + 1, weight), VERSIONS, st.integers(1, 100)),
)


def shapes(**kubernetes):
    section = {"target": "kubernetes", "image": {"repository": "r/m"}, "kubernetes": kubernetes}
    return Shapes("m", "production", Serve.model_validate(section))


REPLICAS = shapes(replicas=4)
WEIGHTS = shapes(traffic="httproute", gateway={"name": "entry"})


def deployment(version, stable, replicas):
    made = REPLICAS.of_version(servable(version), Traffic(stable), "r/m:1")
    [found] = [thing for thing in made if thing["kind"] == DEPLOYMENT.name]
    found["spec"]["replicas"] = replicas
    return found


@given(TRAFFIC)
def test_a_service_says_what_was_written(traffic):
    assert of_service(REPLICAS.service(traffic), []) == traffic


@given(TRAFFIC)
def test_a_route_says_what_was_written(traffic):
    versions = {WEIGHTS.deployment(number): number for number in range(1, 12)}
    assert of_route(WEIGHTS.route(traffic), versions) == traffic


def test_a_service_without_a_note_is_read_by_its_selector():
    shared = REPLICAS.service(Traffic(1, 2, 25))
    del shared["metadata"]["annotations"]
    three_and_one = [deployment(1, None, 3), deployment(2, 1, 1), deployment(9, 5, 7)]
    assert of_service(shared, three_and_one) == Traffic(1, 2, 25)
    assert of_service(shared, three_and_one[:1]) == Traffic(1)


def test_a_note_that_the_selector_contradicts_does_not_count():
    service = REPLICAS.service(Traffic(1, 2, 25))
    service["spec"]["selector"] = REPLICAS.service(Traffic(2))["spec"]["selector"]
    assert of_service(service, []) == Traffic(2)


def test_weights_that_the_note_contradicts():
    route = WEIGHTS.route(Traffic(1, 2, 25))
    versions = {WEIGHTS.deployment(number): number for number in (1, 2)}
    for backend, weight in zip(route["spec"]["rules"][0]["backendRefs"], (0, 100), strict=True):
        backend["weight"] = weight
    assert of_route(route, versions) == Traffic(2)
    route["metadata"]["annotations"][NOTE] = "nonsense"
    assert of_route(route, versions) == Traffic(2)


def test_a_service_that_selects_nothing_of_ours():
    assert of_service(REPLICAS.service(Traffic()), []) is None
    assert of_service({"metadata": {}, "spec": {"selector": {"app": "other"}}}, []) is None


@pytest.mark.parametrize(("stable", "weight", "replicas"), [(4, 20, 1), (4, 50, 4), (4, 100, 4), (6, 25, 2), (2, 5, 1)])
def test_replicas_that_make_a_share(stable, weight, replicas):
    assert REPLICAS.canary_replicas(stable, weight) == replicas


@given(st.integers(1, 1000), st.integers(1, 100))
def test_a_canary_has_between_one_and_as_many_pods_as_production(stable, weight):
    for kind in (REPLICAS, WEIGHTS):
        assert 1 <= kind.canary_replicas(stable, weight) <= stable


def test_by_weight_a_canary_has_pods_for_its_share_of_the_load():
    assert WEIGHTS.canary_replicas(10, 25) == 3


def test_what_cannot_be():
    with pytest.raises(UsageError, match="no way to the model's files"):
        Shapes("m", "production", Serve.model_validate({"target": "kubernetes"})).refuse_what_cannot_be()
    for many in ({"replicas": 51}, {"autoscale": {"min": 2, "max": 51}}):
        with pytest.raises(UsageError, match="production may have 51"):
            shapes(traffic="argo-rollouts", **many).refuse_what_cannot_be()
    shapes(traffic="argo-rollouts", replicas=50).refuse_what_cannot_be()
    with pytest.raises(UsageError, match="cannot form 5 %"):
        REPLICAS.check((5, 100))
    WEIGHTS.check((5, 100))


def test_addresses():
    def none(namespace, name):
        return None

    def found(namespace, name):
        return f"{name}.{namespace}.example"

    assert REPLICAS.addresses(none) == (
        "http://m-production.default.svc:8501/v1/models/m",
        "m-production.default.svc:8500",
    )
    assert WEIGHTS.addresses(none) == (None, None)
    assert WEIGHTS.addresses(found) == ("http://entry.default.example/v1/models/m", None)
    named = shapes(traffic="httproute", grpc=True, gateway={"name": "entry", "hostnames": ["m.example.com"]})
    assert named.addresses(none) == ("http://m.example.com/v1/models/m", "m.example.com")
