"""The objects that serve a model: what they have to be, whatever the configuration says."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.config import patterns
from jenkins_ml.core.origin import Origin
from jenkins_ml.rendering.kubernetes import naming
from jenkins_ml.rendering.kubernetes.pod import SAMPLE_KEY
from tests.fakes.kubernetes_objects import objects, version

NAMES = st.from_regex(patterns.NAME, fullmatch=True) | st.text("ab-._0", min_size=1, max_size=63).filter(
    lambda text: re.fullmatch(patterns.NAME, text)
)
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
LONGEST_VERSION = 2**53 - 1
GATEWAY = {"traffic": "httproute", "gateway": {"name": "gateway"}}
STORE = {
    "url": "s3://models/store/",
    "image": "aws:2",
    "command": ["cp", "{source}", "--to={target}"],
    "secret": "reader",
}


def pods_of(thing):
    return thing["spec"]["template"]["spec"]


def server_of(thing):
    [server] = pods_of(thing)["containers"]
    return server


# --- names and labels --------------------------------------------------------------------------------------------------
@given(NAMES, NAMES)
def test_every_name_is_one_that_kubernetes_takes(model, environment):
    name = naming.base(model, environment)
    assert len(name) <= naming.LONGEST
    assert DNS_LABEL.fullmatch(name)
    assert DNS_LABEL.fullmatch(naming.of_version(name, LONGEST_VERSION))
    assert DNS_LABEL.fullmatch(naming.sample_secret(name))


@given(st.lists(st.tuples(NAMES, NAMES), unique=True, min_size=2, max_size=2))
def test_two_environments_never_share_a_name(pairs):
    assert naming.base(*pairs[0]) != naming.base(*pairs[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a-b", "c"), ("a", "b-c")),
        (("a.b", "c"), ("a-b", "c")),
        (("a", "b"), ("a-b", "b")),
        (("x" * 63, "p"), ("x" * 62, "p")),
    ],
)
def test_what_looks_alike_has_different_names(one, other):
    assert naming.base(*one) != naming.base(*other)


def test_a_name_stays_as_it_is_where_it_can():
    assert naming.base("digits", "production") == "digits-production"
    assert naming.base("3d_shapes", "production").startswith("m-3d-shapes-production-")


@given(NAMES, NAMES, st.integers(1, LONGEST_VERSION), st.none() | st.integers(1, LONGEST_VERSION))
def test_every_label_is_one_that_kubernetes_takes(model, environment, number, stable):
    labels = {**naming.labels(model, environment, number), **naming.release_labels(number, stable)}
    for key, value in labels.items():
        assert LABEL_KEY.fullmatch(key), key
        assert LABEL_VALUE.fullmatch(value), value


def test_what_is_selected_is_a_part_of_what_is_labelled():
    here = objects(kubernetes=GATEWAY)
    seven, eight = version(7), version(8, stable=7)
    labels = {each.version: here.deployment(each)["spec"]["template"]["metadata"]["labels"] for each in (seven, eight)}
    for each in (seven, eight):
        assert here.deployment(each)["spec"]["selector"]["matchLabels"].items() <= labels[each.version].items()
        assert here.version_service(each)["spec"]["selector"].items() <= labels[each.version].items()
    for selector in (here.policy()["spec"]["podSelector"], here.budget()["spec"]["selector"]):
        assert all(selector["matchLabels"].items() <= each.items() for each in labels.values())


# --- traffic -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("canary", "weight", "selected"),
    [(None, 0, {8}), (9, 0, {8}), (9, 20, {8, 9}), (9, 100, {9})],
)
def test_the_selector_selects_who_shall_answer(canary, weight, selected):
    """7 was before 8, and is warm; 9 is the canary beside 8; 10 was another one, that was rolled back."""
    here = objects()
    pods = {
        each.version: here.deployment(each)["spec"]["template"]["metadata"]["labels"]
        for each in (version(7), version(8, stable=7), version(9, stable=8), version(10, stable=7))
    }
    selector = here.selector(8, canary, weight)
    assert {number for number, labels in pods.items() if selector.items() <= labels.items()} == selected


@given(st.integers(0, 100))
def test_the_weights_of_a_route_are_the_whole(weight):
    route = objects(kubernetes=GATEWAY).route(7, 8, weight)
    for rule in route["spec"]["rules"]:
        assert [backend["weight"] for backend in rule["backendRefs"]] == [100 - weight, weight]
        assert [backend["name"] for backend in rule["backendRefs"]] == ["digits-production-v7", "digits-production-v8"]


def matches(route, path):
    """As the Gateway API defines it: a prefix is of whole parts of a path."""

    def one(match):
        kind, value = match["path"]["type"], match["path"]["value"]
        return path == value or (kind == "PathPrefix" and path.startswith(f"{value}/"))

    return [any(map(one, rule["matches"])) for rule in route["spec"]["rules"]]


@pytest.mark.parametrize(
    "path", ["", ":predict", ":classify", ":regress", "/metadata", "/versions/7:predict", "/versions/7"]
)
def test_a_route_takes_every_path_of_the_model_and_no_other(path):
    route = objects(kubernetes=GATEWAY).route(7, None, 0)
    assert matches(route, f"/v1/models/digits{path}") == [True]
    assert matches(route, f"/v1/models/digits-2{path}") == [False]


def test_grpc_moves_by_the_same_write():
    route = objects(grpc_port=9000, kubernetes={**GATEWAY, "grpc": True}).route(7, 8, 5)
    assert matches(route, "/tensorflow.serving.PredictionService/Predict") == [False, True]
    assert [rule["backendRefs"][0]["port"] for rule in route["spec"]["rules"]] == [8501, 9000]


def test_a_route_needs_a_gateway():
    with pytest.raises(ValueError, match="Gateway"):
        objects().route(7, None, 0)


def test_an_autoscaler_is_on_the_version_in_production():
    assert objects().autoscaler(7) is None
    scaled = objects(kubernetes={"autoscale": {"min": 2, "max": 5}}).autoscaler(7)
    assert scaled["spec"]["scaleTargetRef"]["name"] == "digits-production-v7"
    assert (scaled["spec"]["minReplicas"], scaled["spec"]["maxReplicas"]) == (2, 5)
    assert "replicas" not in objects().deployment(version(replicas=None))["spec"]


def test_a_rollout_of_argo_has_the_steps_of_the_canary():
    here = objects(
        canary={"steps": [10, 50, 100], "interval": "90s"},
        kubernetes={"traffic": "argo-rollouts", "autoscale": {"min": 2, "max": 5}},
    )
    rollout = here.rollout(version())
    pause = {"pause": {"duration": "90s"}}
    assert rollout["spec"]["strategy"]["canary"]["steps"] == [{"setWeight": 10}, pause, {"setWeight": 50}, pause]
    assert rollout["spec"]["template"] == here.deployment(version())["spec"]["template"]
    target = here.autoscaler(7)["spec"]["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == (
        rollout["apiVersion"],
        rollout["kind"],
        rollout["metadata"]["name"],
    )


# --- pods ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kubernetes", [{}, {"volume": {"claim": "models"}}, {"object_store": STORE}])
def test_pods_keep_to_the_restricted_profile(kubernetes):
    """Pod Security Standards, "restricted"; and nothing of the container can be written to but /tmp."""
    pods = pods_of(objects(kubernetes=kubernetes).deployment(version()))
    assert pods["securityContext"]["runAsNonRoot"] is True
    assert pods["securityContext"]["runAsUser"] > 0
    assert pods["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pods["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pods)
    for container in [*pods["containers"], *pods.get("initContainers", [])]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
    writable = {
        each["mountPath"]
        for each in server_of(objects().deployment(version()))["volumeMounts"]
        if not each.get("readOnly")
    }
    assert writable == {"/tmp"}
    assert {list(volume)[1] for volume in pods["volumes"]} <= {"emptyDir", "downwardAPI", "persistentVolumeClaim"}


def test_probes_are_about_exactly_this_version():
    server = server_of(objects(kubernetes={"ready_timeout": "61s"}).deployment(version(7)))
    for probe in ("startupProbe", "readinessProbe"):
        assert server[probe]["httpGet"]["path"] == "/v1/models/digits/versions/7/metadata"
    started = server["startupProbe"]
    assert started["periodSeconds"] * started["failureThreshold"] >= 61


def test_a_pod_that_goes_has_time_to_answer():
    """Requests come until every node knows, and what is under way is answered."""
    pods = pods_of(objects().deployment(version()))
    [server] = pods["containers"]
    assert 0 < server["lifecycle"]["preStop"]["sleep"]["seconds"] < pods["terminationGracePeriodSeconds"]
    strategy = objects().deployment(version())["spec"]["strategy"]["rollingUpdate"]
    assert strategy["maxUnavailable"] == 0


def test_a_model_from_a_volume_is_the_version_in_the_store():
    thing = objects(kubernetes={"volume": {"claim": "models", "path": "store"}}).deployment(version(7))
    [mount] = [each for each in server_of(thing)["volumeMounts"] if each["name"] == "store"]
    assert mount == {
        "name": "store",
        "mountPath": "/models/digits/7",
        "subPath": "store/digits/versions/7",
        "readOnly": True,
    }
    assert {"name": "store", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}} in pods_of(thing)[
        "volumes"
    ]


def test_a_model_from_an_object_store_is_copied_first():
    here = objects(kubernetes={"object_store": STORE})
    [copy] = pods_of(here.deployment(version(7)))["initContainers"]
    assert copy["command"] == ["cp", "s3://models/store/digits/versions/7", "--to=/models/digits/7"]
    assert copy["envFrom"] == [{"secretRef": {"name": "reader"}}]
    assert here.policy()["spec"]["egress"] == [{}]  # the copy has to go out


def test_pods_call_nobody_and_are_called_by_clients_only():
    spec = objects(kubernetes={"clients": {"app": "web"}}).policy()["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in spec
    [rule] = spec["ingress"]
    assert rule["from"] == [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}]
    assert [port["port"] for port in rule["ports"]] == [8501, 8500]
    assert "from" not in objects().policy()["spec"]["ingress"][0]


def test_resources_are_asked_for_as_configured():
    asked = {"cpu": "0.5", "cpu_limit": "2", "memory": "1024Mi", "gpu": 2}
    server = server_of(objects(kubernetes={"resources": asked}).deployment(version()))
    assert server["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "1Gi", "cpu": "2", "nvidia.com/gpu": "2"},
    }
    [copy] = pods_of(objects(kubernetes={"resources": asked, "object_store": STORE}).deployment(version()))[
        "initContainers"
    ]
    assert "nvidia.com/gpu" not in copy["resources"]["limits"]


def test_only_tensorflow_serving_is_told_to_measure():
    def flags(kind):
        thing = objects(server={"kind": kind, "image": "server:1"}).deployment(version())
        return [argument for argument in server_of(thing)["args"] if "monitoring" in argument]

    assert flags("jenkins-ml") == []
    [flag] = flags("tensorflow-serving")
    thing = objects().deployment(version())
    [mount] = [each for each in server_of(thing)["volumeMounts"] if each["name"] == "monitoring"]
    [volume] = [each for each in pods_of(thing)["volumes"] if each["name"] == "monitoring"]
    [item] = volume["downwardAPI"]["items"]
    assert flag == f"--monitoring_config_file={mount['mountPath']}/{item['path']}"
    note = re.fullmatch(r"metadata\.annotations\['(.*)'\]", item["fieldRef"]["fieldPath"])[1]
    assert "enable: true" in thing["spec"]["template"]["metadata"]["annotations"][note]


def test_our_server_has_the_token_of_its_sample_from_a_secret_that_need_not_be_there():
    thing = objects(server={"kind": "jenkins-ml", "image": "server:1"}).deployment(version())
    [volume] = [each for each in pods_of(thing)["volumes"] if "secret" in each]
    [mount] = [each for each in server_of(thing)["volumeMounts"] if each["name"] == volume["name"]]
    variable = server_of(thing)["env"][0]
    assert volume["secret"]["secretName"] == naming.sample_secret("digits-production")
    assert volume["secret"]["optional"] is True
    assert mount["readOnly"] is True
    assert variable == {"name": names.ENV_SAMPLE_TOKEN_FILE, "value": f"{mount['mountPath']}/{SAMPLE_KEY}"}
    stock = objects().deployment(version())
    assert "env" not in server_of(stock)
    assert not any("secret" in each for each in pods_of(stock)["volumes"])


def test_our_server_is_told_where_its_version_comes_from_for_its_log():
    """By annotations, some of which nobody has to give: what is not there is empty."""
    thing = objects(server={"kind": "jenkins-ml", "image": "server:1"}).deployment(version())
    told = {each["name"]: each for each in server_of(thing)["env"]}
    assert told[names.ENV_SERVED]["value"] == "production"
    fields = {
        name: told[name]["valueFrom"]["fieldRef"]["fieldPath"]
        for name in Origin(run="", commit="", build="", release=0).variables()
    }
    assert fields == {
        f"JENKINS_ML_ORIGIN_{name.upper()}": f"metadata.annotations['jenkins-ml.io/{name}']"
        for name in ("run", "commit", "build", "release")
    }


def test_notes_say_why_it_runs():
    notes = {names.NOTE_DIGEST: "a" * 64, names.NOTE_BY: "somebody"}
    thing = objects().deployment(version(notes=notes))
    assert thing["metadata"]["annotations"] == notes
    assert notes.items() <= thing["spec"]["template"]["metadata"]["annotations"].items()
    assert (
        "annotations"
        not in objects(server={"kind": "jenkins-ml", "image": "s:1"}).deployment(version(notes={}))["metadata"]
    )


def test_environments_lie_side_by_side():
    """Nothing that is made for one has the name of what is made for another, in one namespace too."""
    every = [
        (thing["kind"], thing["metadata"]["name"])
        for environment in ("production", "production-v7", "staging")
        for here in [objects(environment=environment, kubernetes=GATEWAY)]
        for thing in [*here.shared(), here.service(None), here.version_service(version()), here.deployment(version())]
    ]
    assert all(one != other for one, other in pairwise(sorted(every)))
