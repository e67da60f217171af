"""Images with a model inside, built and pushed by a real engine; the registry is a fake."""

import contextlib
import dataclasses
import io
import json
import tarfile
import uuid

import docker
import pytest
from docker.errors import ImageNotFound

from jenkins_ml import names
from jenkins_ml.adapters import files, images
from jenkins_ml.adapters.target import Servable
from jenkins_ml.config.serve import Image, Server
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.records import VersionRef, digest, encode
from tests.fakes.registry import FakeRegistry
from tests.fakes.versions import manifest, servable

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]
HOSTILE = 'user "x" $HOME \\ é #\n'


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture(scope="module")
def client(docker_engine):
    return docker_engine.client


@pytest.fixture(scope="module")
def bases(client):
    """Two images of a server, with two layers each, that run as somebody else than root."""

    made = []
    for number in (1, 2):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            member = tarfile.TarInfo(f"server-{number}")
            member.size = 4
            tar.addfile(member, io.BytesIO(b"base"))
        name = f"jenkins-ml-tests/server-{uuid.uuid4().hex[:8]}"
        changes = ["USER 65534", 'ENTRYPOINT ["/server"]', "ENV MODEL_NAME=model"]
        client.api.import_image_from_data(archive.getvalue(), repository=name, tag="1", changes=changes)
        made.append(f"{name}:1")
    yield made
    for name in made:
        client.images.remove(name, force=True)


class Case:
    """A repository in the registry, versions to put into it, and what was said."""

    def __init__(self, client, address, folder, base):
        self.client, self.folder, self.base = client, folder, base
        self.path = f"ml/digits-{uuid.uuid4().hex[:8]}"
        self.repository = f"{address}/{self.path}"
        self.said = []

    def version(self, number, data=b"graph", by="me"):
        folder = self.folder / f"{number}-{uuid.uuid4().hex[:8]}"
        (folder / "variables").mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(data)
        (folder / "variables" / "v.data").write_bytes(b"x" * 100_000)
        made = manifest(number)
        lineage = dataclasses.replace(made.lineage, built_by=by)
        made = dataclasses.replace(made, files=files.describe(folder), lineage=lineage)
        reference = VersionRef(version=number, manifest_digest=digest(encode(made)))
        return dataclasses.replace(servable(number, folder), manifest=made, reference=reference)

    def ensure(self, version: Servable, *, push=True, base=None):
        return images.ensure(
            self.client,
            config=Image(repository=self.repository, push=push),
            server=Server(image=base or self.base),
            model="m",
            servable=version,
            progress=self.said.append,
        )

    def forget(self):
        """Take every image of the repository away from the engine."""
        for image in self.client.images.list(self.repository):
            for name in (*image.tags, *image.attrs["RepoDigests"]):
                if name.startswith(self.repository):
                    with contextlib.suppress(ImageNotFound):  # gone with the tag
                        self.client.images.remove(name, force=True)


@pytest.fixture
def case(client, registry, tmp_path, bases):
    case = Case(client, registry.address, tmp_path, bases[0])
    yield case
    case.forget()


def layers(image):
    return image.attrs["RootFS"]["Layers"]


# --- what is built ---------------------------------------------------------------------------------------------------
def test_the_model_is_inside_and_the_image_says_which(case):
    version = case.version(3, by=HOSTILE)
    built = case.ensure(version, push=False)
    assert built.reference == f"{case.repository}:3"
    assert built.digest is None
    image = case.client.images.get(built.id)
    config = image.attrs["Config"]
    assert image.labels[names.NOTE_DIGEST] == version.reference.manifest_digest
    assert image.labels[names.NOTE_BY] == HOSTILE.replace("\n", " ")
    assert config["User"] == "65534"
    assert config["Entrypoint"] == ["/server"]
    assert {"MODEL_NAME=m", "MODEL_BASE_PATH=/models"} <= set(config["Env"])
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.save()))) as saved:
        last = json.load(saved.extractfile("manifest.json"))[0]["Layers"][-1]
        content = saved.extractfile(last).read()
    with tarfile.open(fileobj=io.BytesIO(content)) as layer:
        members = {
            member.name: (member.uid, member.gid, oct(member.mode & 0o777)) for member in layer if member.isfile()
        }
    assert members == {
        f"models/m/3/{name}": (0, 0, "0o644") for name in ("manifest.json", "saved_model.pb", "variables/v.data")
    }


def test_only_the_last_layer_differs_from_version_to_version(case):
    first, second = (case.client.images.get(case.ensure(case.version(n), push=False).id) for n in (3, 4))
    assert layers(first)[:-1] == layers(second)[:-1] == layers(case.client.images.get(case.base))
    assert layers(first)[-1] != layers(second)[-1]


def test_the_layer_is_the_same_wherever_and_whenever_it_is_built(case):
    version = case.version(3)
    first = case.client.images.get(case.ensure(version, push=False).id)
    before = layers(first)
    case.client.images.remove(first.id, force=True)
    for path in version.path.rglob("*"):
        path.touch()
    assert layers(case.client.images.get(case.ensure(version, push=False).id)) == before


def test_a_file_that_was_changed_builds_nothing(case):
    version = case.version(3)
    (version.path / "saved_model.pb").write_bytes(b"grape")
    with pytest.raises(IntegrityError, match=r"saved_model\.pb is not what was recorded"):
        case.ensure(version)
    with pytest.raises(ImageNotFound):
        case.client.images.get(f"{case.repository}:3")


def test_a_server_that_is_nowhere(case, registry):
    with pytest.raises(UsageError, match=f"pulling {registry.address}/none:7: .*manifest unknown"):
        case.ensure(case.version(3), push=False, base=f"{registry.address}/none:7")


def test_the_server_is_pulled_and_its_digest_recorded(case, registry):
    base = f"{registry.address}/server:5"
    case.client.images.get(case.base).tag(f"{registry.address}/server", "5")
    case.client.api.push(base)
    case.client.images.remove(base)
    built = case.ensure(case.version(3), push=False, base=base)
    [found] = [reference for name, reference in registry.manifests if name == "server" and reference != "5"]
    assert case.client.images.get(built.id).labels["org.opencontainers.image.base.digest"] == found
    assert f"pulling {base}" in case.said


# --- what is pushed --------------------------------------------------------------------------------------------------
def test_pushed_and_known_by_its_digest(case, registry):
    version = case.version(3)
    built = case.ensure(version)
    repository, digest = built.digest.split("@")
    assert repository == case.repository
    assert (case.path, digest) in registry.manifests
    assert registry.labels(case.path, "3")[names.NOTE_DIGEST] == version.reference.manifest_digest
    assert case.said[:2] == [f"building {built.reference}", f"pushing {built.reference}"]
    assert case.said[-1] == f"pushing {built.reference}: 2 of 2 layers"


def test_versions_share_their_layers_in_the_registry(case, registry):
    for number in (3, 4):
        case.ensure(case.version(number))
    first, second = registry.layers(case.path, "3"), registry.layers(case.path, "4")
    assert first[:-1] == second[:-1]
    assert first[-1] != second[-1]


@pytest.mark.parametrize("forget", [False, True], ids=["same agent", "another agent"])
def test_the_same_version_again_is_the_image_that_is_there(case, registry, forget):
    version = case.version(3)
    first = case.ensure(version)
    if forget:
        case.forget()
    del registry.asked[:], case.said[:]
    assert case.ensure(version) == first
    assert case.said == [f"image {first.reference} is there already"]
    assert not [method for method, _ in registry.asked if method in ("POST", "PUT", "PATCH")]
    assert case.client.images.get(first.reference).id == first.id


def test_one_that_is_only_built_is_pushed_later(case, registry):
    version = case.version(3)
    built = case.ensure(version, push=False)
    again = case.ensure(version, push=True)
    assert again.id == built.id
    assert again.digest.split("@")[1] in {reference for _, reference in registry.manifests}


@pytest.mark.parametrize("push", [False, True])
def test_another_version_of_the_same_number_is_not_replaced(case, registry, push):
    case.ensure(case.version(3), push=push)
    before = dict(registry.manifests)
    with pytest.raises(IntegrityError, match="is there already, and holds a version with the manifest"):
        case.ensure(case.version(3, b"other"), push=push)
    assert registry.manifests == before


def test_another_version_of_the_same_number_that_another_agent_pushed(case, registry):
    case.ensure(case.version(3))
    case.forget()
    with pytest.raises(IntegrityError, match="holds a version with the manifest"):
        case.ensure(case.version(3, b"other"))


def test_an_image_of_somebody_else_is_not_replaced(case):
    case.client.images.get(case.base).tag(case.repository, "3")
    with pytest.raises(IntegrityError, match="was not made by jenkins-ml"):
        case.ensure(case.version(3), push=False)


def test_another_server_is_another_image_of_the_same_version(case, registry, bases):
    version = case.version(3)
    first = case.ensure(version)
    second = case.ensure(version, base=bases[1])
    assert second.id != first.id
    assert second.digest != first.digest
    assert registry.layers(case.path, "3")[0] != registry.layers(case.path, first.digest.split("@")[1])[0]


# --- registries that do not take it ----------------------------------------------------------------------------------
def test_a_registry_that_wants_to_know_who_pushes(case, registry):
    registry.credentials = ("user", "a secret")
    with pytest.raises(UsageError) as caught:
        case.ensure(case.version(3))
    assert caught.value.what.startswith(f"pushing {case.repository}:3: ")
    assert f"docker login {registry.address}" in caught.value.next_step


def test_the_credentials_of_the_engine_are_used(case, registry):
    registry.credentials = ("user", "a secret")
    case.client.login("user", "a secret", registry=registry.address)
    try:
        assert case.ensure(case.version(3)).digest is not None
        assert not any("a secret" in line for line in case.said)
    finally:
        case.client.api._auth_configs.auths.pop(registry.address)


@pytest.mark.parametrize(
    ("method", "kind", "status", "error"),
    [
        ("POST", "blobs/uploads", 403, UsageError),
        ("PUT", "manifests", 403, UsageError),
        ("PUT", "manifests", 500, Unavailable),
    ],
)
def test_a_registry_that_refuses(case, registry, method, kind, status, error):
    registry.refuse(method, kind, status)
    version = case.version(3)
    with pytest.raises(error):
        case.ensure(version)
    registry.allow()
    assert case.ensure(version).digest is not None


def test_a_registry_that_is_not_there(case):
    with FakeRegistry() as gone:
        address = gone.address
    case.repository = f"{address}/ml/digits"
    with pytest.raises(Unavailable, match=r"connection refused|connect"):
        case.ensure(case.version(3))
    with pytest.raises(ImageNotFound):  # nothing is built for a registry that will not take it
        case.client.images.get(f"{case.repository}:3")


def test_a_slow_registry_is_waited_for(case, registry):
    registry.seconds = 0.05
    assert case.ensure(case.version(3)).digest is not None


def test_an_engine_that_is_not_there(case):
    with contextlib.closing(docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.41")) as client:
        case.client, kept = client, case.client
        with pytest.raises(Unavailable, match="the Docker engine does not answer"):
            case.ensure(case.version(3))
        case.client = kept
