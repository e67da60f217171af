"""A model repository whose serve section names a real engine, with stand-ins of model servers in it: for whole releases.

The model is trained and gated for real; what the engine runs answers as model_server.py does, so its answers are not
compared with those of the training.
"""

import json

from ruamel.yaml import YAML

from jenkins_ml import names
from tests.fakes.repository import Repository

CANARY = {"steps": [50, 100], "interval": "0s", "min_requests": 20}


def configure(repository: Repository, **serve: object) -> None:
    """Put this into the serve section; the rest stays as it is."""
    path = repository.folder / names.CONFIG_FILE
    yaml = YAML(typ="safe")
    config = yaml.load(path)
    config["serve"] = {"rest_port": 0, "grpc_port": 0, "canary": CANARY, **serve}
    config["gate"]["serving"] = {"check": "none"}
    with path.open("w") as stream:
        yaml.dump(config, stream)


def answer_of(repository: Repository, *arguments: str, **options: object) -> dict[str, object]:
    """What a command answers with --json; it must end well."""
    return json.loads(repository.ok(*arguments, "--json", **options).out)


def status(repository: Repository) -> dict[str, object]:
    """What `status` says of production."""
    [found] = answer_of(repository, "status")["environments"]
    return found


def train_and_gate(repository: Repository, run: str) -> None:
    """A new version, and the decision about it."""
    repository.ok("train", run=run)
    repository.ok("gate", run=run)


def clear_docker(engine: object, model: str = "tiny") -> None:
    """Remove what a test has left of a model, or an interrupted one before it."""
    labelled = {"label": f"{names.LABEL_MODEL}={model}"}
    for container in engine.client.containers.list(all=True, filters=labelled, ignore_removed=True):
        container.remove(force=True, v=True)
    for each in (*engine.client.networks.list(filters=labelled), *engine.client.volumes.list(filters=labelled)):
        each.remove()


def on_docker(engine: object, image: str) -> dict[str, object]:
    """The keys of `serve` for a Docker engine of the tests."""
    docker = {"host": engine.address, "proxy_image": engine.image(engine.proxy), "ready_timeout": "30s"}
    return {"target": "docker", "server": {"image": image}, "docker": docker}


def on_kubernetes(namespace: str) -> dict[str, object]:
    """The keys of `serve` for a cluster of the tests. Pods of simulated nodes copy no model."""
    store = {"url": "s3://models/store", "image": "copy:1", "command": ["copy", "{source}", "{target}"]}
    kubernetes = {"namespace": namespace, "replicas": 3, "ready_timeout": "60s", "object_store": store}
    # Where the server is asked through the API server, its ports are those of the Service.
    return {"target": "kubernetes", "kubernetes": kubernetes, "rest_port": 8501, "grpc_port": 8500}
