"""What is wrong with pods, named out of what the API server says of them."""

import pytest

from jenkins_ml.adapters.kubernetes import causes
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable


def pod(status, name="m-3-x", uid="u1", **meta):
    spec = {"nodeName": "n1", "containers": [{"name": "server", "resources": {"limits": {"memory": "1Gi"}}}]}
    return {"metadata": {"name": name, "uid": uid, **meta}, "spec": spec, "status": status}


def server(**fields):
    return {"name": "server", "image": "r/m:3", "ready": False, "restartCount": 0, **fields}


def running(**status):
    return pod({"phase": "Running", "startTime": "t", **status})


READY = pod({"conditions": [{"type": "Ready", "status": "True"}]})
WAITING = {
    "image": server(state={"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),
    "config": server(state={"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}}),
    "crash": server(
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {"exitCode": 134, "reason": "Error"}},
        restartCount=3,
    ),
    "memory": server(
        state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, lastState={"terminated": {}}, restartCount=2
    ),
}


@pytest.mark.parametrize(
    ("which", "words", "blame", "hopeless"),
    [
        ("image", "image r/m:3 cannot be pulled: not found", "setup", True),
        ("config", 'cannot be started: secret "s" not found', "setup", True),
        ("crash", "container server of pod m-3-x ended with exit code 134 (Error), 4 times", "version", True),
        ("memory", "used more than its 1Gi of memory (OOMKilled), 3 times", "version", True),
    ],
)
def test_a_container_that_cannot_run(which, words, blame, hopeless):
    cause = causes.of_pods([READY, running(containerStatuses=[WAITING[which]])])
    assert words in cause.text
    assert (cause.blame, cause.lasts is not None) == (blame, hopeless)


def test_the_log_is_that_of_the_container_that_ended():
    assert causes.of_pods([running(containerStatuses=[WAITING["crash"]])]).log == causes.Log("m-3-x", "server", True)
    assert causes.of_pods([running(containerStatuses=[WAITING["memory"]])]).log == causes.Log("m-3-x", "server", False)


def test_one_crash_is_no_loop_yet():
    crashed = server(state={"running": {}}, lastState={"terminated": {"exitCode": 1}}, restartCount=1)
    cause = causes.of_pods([running(containerStatuses=[crashed])])
    assert cause.lasts is None
    assert "exit code 1, once" in cause.text


def test_an_init_container_that_fails_is_no_fault_of_the_version():
    copying = {
        "name": "model",
        "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1}},
    }
    cause = causes.of_pods([running(initContainerStatuses=[copying], containerStatuses=[server()])])
    assert "init container model of pod m-3-x ended with exit code 1" in cause.text
    assert cause.blame == "setup"


def test_an_init_container_that_has_done_its_work_is_no_cause():
    done = {"name": "model", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
    assert causes.of_pods([running(initContainerStatuses=[done], containerStatuses=[server()])]) is None


def test_a_pod_for_which_there_is_no_room():
    condition = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available: 2 Insufficient cpu."}
    cause = causes.of_pods([pod({"phase": "Pending", "conditions": [condition]})])
    assert cause.text == "pod m-3-x cannot be scheduled: 0/2 nodes are available: 2 Insufficient cpu."
    assert (cause.blame, cause.lasts) == ("cluster", None)  # a node may come


def test_a_probe_that_fails_is_only_told_by_an_event():
    event = {
        "involvedObject": {"uid": "u1"},
        "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 404",
    }
    unready = running(containerStatuses=[server(state={"running": {}})])
    assert causes.of_pods([unready]) is None
    cause = causes.of_pods([unready], [event])
    assert "does not become ready: Readiness probe failed: HTTP probe failed with statuscode: 404" in cause.text
    assert cause.blame == "version"


def test_a_volume_that_is_not_there():
    event = {"involvedObject": {"uid": "u1"}, "reason": "FailedMount", "message": 'claim "models" not found'}
    cause = causes.of_pods([pod({"phase": "Pending", "startTime": "t"})], [event])
    assert cause.text == 'pod m-3-x waits: claim "models" not found (FailedMount)'
    assert cause.blame == "setup"


def test_a_node_that_has_gone():
    cause = causes.of_pods([running(containerStatuses=[server(ready=True, state={"running": {}})])])
    assert cause.text == "node n1 of pod m-3-x does not answer"


def test_pods_that_start_or_end_are_no_cause():
    ending = pod({"phase": "Running", "containerStatuses": [WAITING["crash"]]}, deletionTimestamp="t")
    assert causes.of_pods([READY, ending, pod({"phase": "Pending"})]) is None


def test_what_will_not_pass_is_named_first():
    waits = pod({"conditions": [{"type": "PodScheduled", "status": "False", "message": "no room"}]})
    assert "exit code 134" in causes.of_pods([waits, running(containerStatuses=[WAITING["crash"]])]).text


@pytest.mark.parametrize(
    ("message", "blame"),
    [
        ('pods "m-3-x" is forbidden: exceeded quota: small, requested: cpu=1, used: cpu=4, limited: cpu=4', "quota"),
        ('pods "m-3-x" is forbidden: violates PodSecurity "restricted:latest"', "policy"),
    ],
)
def test_pods_that_cannot_be_made(message, blame):
    condition = {"type": "ReplicaFailure", "status": "True", "message": message}
    cause = causes.of_deployment({"status": {"conditions": [condition]}})
    assert (cause.text, cause.blame) == (message, blame)
    assert causes.of_deployment({"status": {"conditions": [{**condition, "status": "False"}]}}) is None


@pytest.mark.parametrize(
    ("blame", "kind"),
    [
        ("version", IntegrityError),
        ("setup", StageFailed),
        ("policy", StageFailed),
        ("quota", Unavailable),
        ("cluster", Unavailable),
    ],
)
def test_who_is_to_blame_decides_how_a_release_ends(blame, kind):
    error = causes.Cause("it is so", blame).error("bring up version 3")
    assert type(error) is kind
    assert "it is so" in error.what
    assert "bring up version 3" in error.what


def test_the_log_is_in_the_message():
    error = causes.Cause("it ended", "version").error("bring up version 3", "one\ntwo")
    assert error.what.endswith("the last lines of its log:\none\ntwo")
