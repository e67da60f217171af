"""The sample of users' requests: from all pods, with the token of a Secret that is made once."""

import base64
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.api import Api, Clock
from jenkins_ml.adapters.kubernetes.sampling import Samples, in_turns
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.target import KubernetesTarget
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import UsageError
from tests.fakes.clock import FakeClock

SECRETS = "/api/v1/namespaces/n/secrets"
NAME = "m-production-sample"
OURS = {"labels": {"app.kubernetes.io/managed-by": "jenkins-ml"}, "managedFields": [{"manager": "jenkins-ml"}]}


class FakeCluster:
    """Secrets and pods of one namespace; each pod answers what it is given here."""

    server = "https://cluster"

    def __init__(self, pods=None, secret=None, forbidden=()):
        self.pods, self.secret, self.forbidden, self.asked = pods or {}, secret, forbidden, []
        self.made = 0

    def send(self, method, target, body, headers, seconds, *, stream):
        path, _, query = target.partition("?")
        if method in self.forbidden and path.startswith(SECRETS):
            said = f'User "u" cannot {method.lower()} resource "secrets" in API group "" in the namespace "n"'
            return self._answer(403, {"message": said})
        if path == SECRETS and method == "POST":
            if self.secret is not None:
                return self._answer(409, {"reason": "AlreadyExists", "message": "there"})
            self.made += 1
            self.secret = json.loads(body)
            self.secret["metadata"] |= {"resourceVersion": "1", "managedFields": OURS["managedFields"]}
            return self._answer(201, self.secret)
        if path == f"{SECRETS}/{NAME}":
            return self._secret(method)
        if path == "/api/v1/namespaces/n/pods":
            assert "version%3D1" in query
            return self._answer(200, {"items": [{"metadata": {"name": pod, "namespace": "n"}} for pod in self.pods]})
        [pod] = [pod for pod in self.pods if path == f"/api/v1/namespaces/n/pods/{pod}:8501/proxy/jenkins-ml/v1/sample"]
        self.asked.append((method, pod, query, headers["x-jenkins-ml-token"]))
        return self._answer(*self.pods[pod])

    def _secret(self, method):
        found = self.secret
        if found is None:
            return self._answer(404, {"message": "not found", "details": {"name": NAME}})
        if method == "DELETE":
            self.secret = None
        return self._answer(200, found)

    @staticmethod
    def _answer(status, body):
        return SimpleNamespace(status=status, data=json.dumps(body).encode())


def section(shadow=10, kind="jenkins-ml"):
    canary = {"shadow": shadow, "steps": (50, 100)}
    kubernetes = {"namespace": "n", "replicas": 2}
    return Serve.model_validate(
        {"target": "kubernetes", "server": {"kind": kind}, "canary": canary, "kubernetes": kubernetes}
    )


def samples(cluster, said=None, **given):
    clock = FakeClock()
    api = Api(cluster, clock=Clock(clock, clock.sleep))
    return Samples(api, Shapes("m", "production", section(**given)), [].append if said is None else said.append)


def secret(token="t" * 43, **meta):
    return {"metadata": {"resourceVersion": "1", **meta}, "data": {"token": base64.b64encode(token.encode()).decode()}}


def kept(*bodies):
    return 200, {"bodies": [base64.b64encode(body).decode() for body in bodies]}


def test_the_token_is_made_once_and_is_long_and_another_each_time():
    cluster, other = FakeCluster(), FakeCluster()
    here = samples(cluster)
    here.prepare()
    here.prepare()
    samples(cluster).prepare()
    samples(other).prepare()
    assert (cluster.made, other.made) == (1, 1)
    tokens = [base64.b64decode(each.secret["data"]["token"]) for each in (cluster, other)]
    assert tokens[0] != tokens[1]
    assert min(map(len, tokens)) >= names.SHORTEST_TOKEN
    assert cluster.secret["metadata"]["labels"]["jenkins-ml.io/model"] == "m"


@pytest.mark.parametrize("given", [{"shadow": 0}, {"kind": "tensorflow-serving"}], ids=str)
def test_without_sampling_there_is_no_secret_and_no_right_to_it(given):
    cluster = FakeCluster(forbidden=("GET", "POST"))
    samples(cluster, **given).prepare()
    assert samples(cluster, **given).take_away() == ()


def test_a_secret_that_somebody_else_made_is_used_and_left_there():
    cluster = FakeCluster({"a": kept(b"1")}, secret("s" * 40), forbidden=("POST",))
    here = samples(cluster)
    here.prepare()
    assert here.take(1, 10) == (b"1",)
    assert cluster.asked == [("POST", "a", "percent=10", "s" * 40)]
    assert here.take_away() == ()
    assert cluster.secret is not None


def test_ours_is_taken_away():
    cluster = FakeCluster(secret=secret(**OURS))
    assert samples(cluster, shadow=0).take_away() == (f"Secret {NAME}",)
    assert cluster.secret is None
    assert samples(cluster).take_away() == ()


@pytest.mark.parametrize(
    "data", [{}, {"token": ""}, {"token": "?"}, {"token": "/w=="}, secret("t" * 31)["data"], secret("t\n" * 40)["data"]]
)
def test_a_secret_without_a_token_is_named(data):
    with pytest.raises(UsageError, match=f"Secret {NAME} has no 'token' of 32"):
        samples(FakeCluster(secret={**secret(), "data": data})).prepare()


def test_a_missing_right_is_named_before_anything_else():
    with pytest.raises(UsageError, match="u may not post secrets in namespace n"):
        samples(FakeCluster(forbidden=("POST",))).prepare()


def test_one_that_was_made_in_between_is_used():
    cluster = FakeCluster()

    class Late(FakeCluster):
        def _secret(self, method):
            answer = super()._secret(method)
            self.secret = self.secret or secret("s" * 40)  # made by another, behind this answer
            return answer

    cluster = Late({"a": kept()})
    samples(cluster).take(1, 10)
    assert [token for *_, token in cluster.asked] == ["s" * 40]


def test_all_pods_are_asked_and_each_has_its_turn():
    pods = {"a": kept(b"1", b"2", b"3"), "b": kept(b"4"), "c": kept(), "d": kept(b"5", b"6")}
    cluster = FakeCluster(pods, secret())
    assert samples(cluster).take(1, 25) == (b"1", b"4", b"5", b"2", b"6", b"3")
    assert sorted(pod for _, pod, _, _ in cluster.asked) == ["a", "b", "c", "d"]


def test_pods_that_give_none_are_told_of_once():
    away = (503, {"kind": "Status", "message": "error trying to reach service"})
    pods = {"a": kept(b"1"), "b": (404, {"error": "no token"}), "c": away, "d": (200, {"bodies": ["?"]})}
    said = []
    here = samples(FakeCluster(pods, secret()), said)
    assert here.take(1, 10) == here.take(1, 10) == (b"1",)
    [line] = said
    assert line.startswith(
        """2 of 4 pods of version 1 give no sample of users' requests (answer 404: {"error": "no token"})"""
    )


@given(st.lists(st.lists(st.binary(max_size=2), max_size=5), max_size=4))
def test_nothing_is_lost_in_turns(given):
    taken = in_turns(given)
    assert sorted(taken) == sorted(body for sample in given for body in sample)
    if given and all(given):
        assert taken[: len(given)] == tuple(sample[0] for sample in given)


def test_tensorflow_serving_keeps_no_sample():
    def target(kind):
        return KubernetesTarget("m", "production", section(kind=kind), [].append)

    target("jenkins-ml").check((50, 100), 10)
    target("tensorflow-serving").check((50, 100), 0)
    with pytest.raises(UsageError, match="cannot be sampled on Kubernetes where the pods run TensorFlow Serving") as no:
        target("tensorflow-serving").check((50, 100), 10)
    assert "serve.server.kind: jenkins-ml" in no.value.next_step
