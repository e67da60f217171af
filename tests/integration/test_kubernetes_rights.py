"""The Role in docs/kubernetes.md: a whole life with exactly these rights, each of which is used."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.errors import IntegrityError, JenkinsMLError, UsageError
from tests.fakes.kubernetes_site import pods_answer, site_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

DOCS = Path(__file__).parents[2] / "docs" / "kubernetes.md"
ROLE = kinds.Kind("Role", "rbac.authorization.k8s.io/v1", "roles")
BINDING = kinds.Kind("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings")
PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/v\d\w*(?:/namespaces/[^/]+)?/(?P<plural>[a-z]+)(?:/(?P<name>[^/?]+)(?:/(?P<part>proxy|log))?)?"
)


@pytest.fixture
def site(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = Api(connect(None))
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


def role_of_the_docs(*also):
    """The Role, with the rules that are only needed for some resources."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    [text] = [block for block in blocks if "kind: Role\n" in block]
    role = YAML(typ="safe").load(text)
    for resource in also:
        [rules] = [
            block for block in blocks if f"resources: [{resource}]" in block and block.startswith("  - apiGroups")
        ]
        role["rules"] += YAML(typ="safe").load(rules)
    return role


def rights_of(role):
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def robot(site, cluster, monkeypatch, tmp_path, role):
    """Be an account of the namespace that has this Role, and nothing else."""
    site.others("POST", kinds.ACCOUNT.path(site.namespace), {"metadata": {"name": "robot"}})
    site.others("POST", ROLE.path(site.namespace), role)
    binding = {
        "metadata": {"name": "robot"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": site.namespace}],
    }
    site.others("POST", BINDING.path(site.namespace), binding)
    path = kinds.ACCOUNT.path(site.namespace, "robot", "token")
    body = json.dumps({"spec": {"expirationSeconds": 3600}}).encode()
    answer = site.api.connection.send("POST", path, body, {"Content-Type": "application/json"}, 10, stream=False)
    configuration = YAML(typ="safe").load(Path(cluster.kubeconfig).read_text())
    [user] = configuration["users"]
    user["user"] = {"token": json.loads(answer.data)["status"]["token"]}
    for each in configuration["clusters"]:
        authority = each["cluster"].get("certificate-authority")
        if authority:
            each["cluster"]["certificate-authority"] = str(Path(cluster.kubeconfig).parent / authority)
    kubeconfig = tmp_path / "robot.kubeconfig"
    kubeconfig.write_text(json.dumps(configuration))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))


class Used:
    """Which rights the requests of a target took."""

    def __init__(self, target):
        self.rights = set()
        self._send = target.api.connection.send
        target.api.connection.send = self._recorded

    def _recorded(self, method, path, *arguments, **options):
        answer = self._send(method, path, *arguments, **options)
        found = PATH.match(path)
        verb = {"GET": "get" if found["name"] else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[
            method
        ]
        if "watch=1" in path:
            verb = "watch"
        resource = found["plural"] + (f"/{found['part']}" if found["part"] else "")
        self.rights.add((found["group"] or "", resource, verb))
        if method == "PATCH" and answer.status == 201:  # applied, and made by that
            self.rights.add((found["group"] or "", resource, "create"))
        return answer


# What `destroy` asks for in case it was made under another configuration; nobody need be allowed to.
OF_OTHERS = {
    ("gateway.networking.k8s.io", "httproutes", "list"),
    ("argoproj.io", "rollouts", "list"),
    ("", "secrets", "get"),
}


def live(site, target):
    with target.hold("robot"):
        target.start()
        target.load(site.version(1))
        target.route(1, None, 0)
        target.load(site.version(2))
        target.route(1, 2, 50)
        target.seen(2)
        target.ask(2, b'{"instances": [1.0]}', 5)
        target.route(2, None, 0)
        target.unload(1)
        for bad in (902, 904):
            with pytest.raises(IntegrityError) as raised:
                target.load(site.version(bad))
            assert ("Check failed" if bad == 902 else "Readiness probe failed") in raised.value.what
        target.remember("key", "text")
        assert target.recall("key") == "text"
        assert target.serving().stable == 2
        target.destroy()


def test_a_whole_life_with_exactly_these_rights(site, cluster, monkeypatch, tmp_path):
    role = role_of_the_docs()
    robot(site, cluster, monkeypatch, tmp_path, role)
    target = site.target(autoscale={"min": 2, "max": 4}, ready_timeout="6s")
    used = Used(target)
    live(site, target)
    assert site.made() == []
    assert used.rights - OF_OTHERS == rights_of(role)


def test_a_whole_life_by_argo_rollouts_with_exactly_these_rights(site, cluster, monkeypatch, tmp_path):
    role = role_of_the_docs("rollouts")
    [deployments] = [rule for rule in role["rules"] if rule["resources"] == ["deployments"]]
    deployments["verbs"] = ["list"]  # it says so there
    robot(site, cluster, monkeypatch, tmp_path, role)
    target = site.target(traffic="argo-rollouts", autoscale={"min": 2, "max": 4}, ready_timeout="6s")
    used = Used(target)
    with cluster.argo_rollouts():
        live(site, target)
        assert site.api.list(kinds.ROLLOUT, site.namespace)["items"] == []
    assert site.made() == []
    argo = {right for right in OF_OTHERS if right[1] == "rollouts"}
    assert used.rights - (OF_OTHERS - argo) == rights_of(role)


def test_a_sample_takes_the_rights_to_one_secret_more(site, cluster, monkeypatch, tmp_path):
    role = role_of_the_docs("secrets")
    robot(site, cluster, monkeypatch, tmp_path, role)
    target = site.target(shadow=10, server={"kind": "jenkins-ml"})
    used = Used(target)
    with target.hold("robot"):
        target.start()
        target.load(site.version(1, golden=None))
        target.route(1, None, 0)
        assert target.sample(10) == ()
        assert "Secret m-production-sample" in target.destroy()
    assert {right for right in used.rights if right[1] == "secrets"} == {
        right for right in rights_of(role) if right[1] == "secrets"
    }
    [line] = [line for line in site.said if "sample" in line]
    assert line.startswith(
        "3 of 3 pods of version 1 give no sample of users' requests (answer 404"
    )  # the fake keeps none


@pytest.mark.parametrize(
    ("resource", "verb"),
    [("deployments", "create"), ("services", "patch"), ("leases", "create"), ("pods/proxy", "get")],
)
def test_a_right_that_is_missing_is_named(site, cluster, monkeypatch, tmp_path, resource, verb):
    role = role_of_the_docs()
    [rule] = [rule for rule in role["rules"] if rule["resources"] == [resource]]
    rule["verbs"].remove(verb)
    robot(site, cluster, monkeypatch, tmp_path, role)
    target = site.target(ready_timeout="6s")
    with pytest.raises(JenkinsMLError) as raised:
        live(site, target)
    assert type(raised.value) is UsageError
    assert raised.value.what.startswith(f"system:serviceaccount:{site.namespace}:robot may not {verb} {resource}")
    assert "docs/kubernetes.md" in raised.value.next_step
