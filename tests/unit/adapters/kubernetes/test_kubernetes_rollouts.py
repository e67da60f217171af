"""What a Rollout of Argo brings up, read as Deployments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.kubernetes import causes
from jenkins_ml.adapters.kubernetes.readiness import is_complete
from jenkins_ml.adapters.kubernetes.rollouts import HASH, pair_of, share, views_of, weight_of
from jenkins_ml.core.replica_shares import replicas_for
from jenkins_ml.errors import StageFailed


def template(version):
    return {
        "metadata": {"labels": {"jenkins-ml.io/version": str(version)}, "annotations": {"jenkins-ml.io/by": "me"}},
        "spec": {"containers": [{"name": "server"}]},
    }


def replicaset(version, replicas, ready=None, **meta):
    found = template(version)
    labels = {**found["metadata"]["labels"], HASH: f"h{version}"}
    found["metadata"]["labels"] = labels
    counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), replicas if ready is None else ready)
    return {
        "metadata": {
            "name": f"m-h{version}",
            "namespace": "n",
            "labels": labels,
            "generation": 1,
            "creationTimestamp": f"t{version}",
            "ownerReferences": [{"uid": "u"}],
            **meta,
        },
        "spec": {"replicas": replicas, "template": found},
        "status": {"observedGeneration": 1, **counts},
    }


def rollout(newest, stable, replicas, weight, **status):
    steps = [{"setWeight": weight}, {"pause": {}}]
    known = {"observedGeneration": "5", "currentPodHash": f"h{newest}", "stableRS": f"h{stable}"}
    return {
        "metadata": {"name": "m", "namespace": "n", "uid": "u", "generation": 5, "creationTimestamp": "t"},
        "spec": {
            "replicas": replicas,
            "strategy": {"canary": {"steps": steps}},
            "template": template(newest),
        },
        "status": {**known, **status},
    }


@given(st.integers(1, 50), st.integers(0, 50))
def test_a_weight_says_exactly_how_many_pods_a_version_has(one, other):
    assert share(one + other, weight_of(one, one + other)) == one
    assert share(one + other, weight_of(other, one + other)) == other


@given(st.integers(2, 200), st.integers(0, 100))
def test_a_share_leaves_each_version_a_pod(total, weight):
    newest = share(total, weight)
    assert (newest == 0) == (weight == 0)
    assert (newest == total) == (weight == 100)
    assert abs(newest - total * weight / 100) < 1


@pytest.mark.parametrize(("weight", "stable"), [(25, 3), (50, 3), (33, 2), (5, 19)])
def test_the_steps_that_replicas_form_are_those_of_a_rollout(weight, stable):
    canary = replicas_for(weight, stable)
    assert share(stable + canary, weight_of(canary, stable + canary)) == canary


def test_two_versions():
    views = pair_of(rollout(2, 1, 4, 25), [replicaset(1, 3), replicaset(2, 1)]).views()
    assert {version: view["spec"]["replicas"] for version, view in views.items()} == {1: 3, 2: 1}
    assert all(map(is_complete, views.values()))
    assert views[1]["metadata"]["creationTimestamp"] == "t1"
    assert causes.of_deployment(views[2]) is None


def test_what_is_not_formed_yet_is_not_complete():
    views = pair_of(rollout(2, 1, 6, 50), [replicaset(1, 3), replicaset(2, 1)]).views()
    assert {version: is_complete(view) for version, view in views.items()} == {1: True, 2: False}
    starting = pair_of(rollout(2, 1, 4, 25), [replicaset(1, 3), replicaset(2, 1, ready=0)]).views()
    assert not is_complete(starting[2])
    behind = pair_of(rollout(2, 1, 4, 25), [replicaset(1, 3), replicaset(2, 1, generation=2)]).views()
    assert not is_complete(behind[2])


def test_a_version_that_is_the_only_one():
    pair = pair_of(rollout(2, 2, 3, 0), [replicaset(1, 0), replicaset(2, 3)])
    assert pair.before is None
    assert pair.is_alone
    assert dict(pair.counts) == {2: 3}
    new = rollout(1, 1, 3, 100)
    del new["status"]
    pair = pair_of(new, [])
    assert dict(pair.counts) == {1: 3}
    assert not is_complete(pair.views()[1])


def test_pods_that_nobody_wants_any_more_are_shown():
    pair = pair_of(rollout(1, 1, 3, 0, observedGeneration="4"), [replicaset(1, 3), replicaset(2, 1)])
    assert not pair.is_alone
    views = pair.views()
    assert views[2]["spec"]["replicas"] == 0
    assert not is_complete(views[2])
    assert is_complete(views[1])  # it answers, whether the controller is there or not


def test_why_it_does_not_go_on():
    def cause(found, *sets):
        return causes.of_deployment(pair_of(found, sets).views()[2])

    unheard = rollout(2, 1, 4, 25, currentPodHash="h1", observedGeneration="4")
    assert cause(unheard, replicaset(1, 3)).text == "no controller of Argo Rollouts has taken up Rollout m"
    aborted = rollout(2, 1, 4, 25, phase="Degraded", message="RolloutAborted: by somebody")
    assert cause(aborted, replicaset(1, 4), replicaset(2, 0)).text.endswith("Rollout m: RolloutAborted: by somebody")
    paused = rollout(2, 1, 4, 25)
    paused["spec"]["paused"] = True
    assert cause(paused, replicaset(1, 3), replicaset(2, 0)).text.endswith("Rollout m: it is paused")
    late = rollout(2, 1, 4, 25, phase="Degraded", message="ProgressDeadlineExceeded: m-h2")  # its pods say why
    assert cause(late, replicaset(1, 3), replicaset(2, 1, ready=0)) is None


def test_the_template_before_is_as_it_was_given():
    pair = pair_of(rollout(2, 1, 4, 25), [replicaset(1, 3), replicaset(2, 1)])
    assert pair.template_before() == template(1)


def test_views_of_several_rollouts():
    other = rollout(7, 7, 1, 100)
    other["metadata"] = {**other["metadata"], "uid": "o", "name": "other"}
    going = rollout(9, 9, 1, 100)
    going["metadata"] = {**going["metadata"], "uid": "g", "deletionTimestamp": "t"}
    sets = [replicaset(2, 3), replicaset(7, 1, ownerReferences=[{"uid": "o"}]), replicaset(8, 5, ownerReferences=[])]
    found = views_of([rollout(2, 2, 3, 100), other, going], sets)
    assert [view["metadata"]["labels"]["jenkins-ml.io/version"] for view in found] == ["2", "7"]


def test_a_template_without_a_version():
    foreign = rollout(2, 2, 3, 100)
    foreign["spec"]["template"]["metadata"]["labels"] = {}
    with pytest.raises(StageFailed, match="it says of no version"):
        pair_of(foreign, []).views()
    assert views_of([foreign], []) == []
