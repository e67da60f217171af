"""JSON Schemas for kubeconform, of what the API servers of several versions of Kubernetes know; no schema is guessed.

They are made from the OpenAPI document in the Go module of each version (20 MB, downloaded once into Go's own cache), and from the
definitions of resources that others add. A field that a version does not know is an error.
"""

import json
import subprocess
from collections.abc import Iterator
from functools import cache as cache_of_process
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.engines import binaries, cache
from tests.engines.missing import need

# The oldest that we support, one in between, and that of the tests' control plane; each with the digest of its module.
MODULES = {
    "1.30": ("v1.30.14", "h1:MrlKXh9uhLIJpyxOeXhcndzRVSvwiV9iJ8NgH8nqPsg="),
    "1.34": ("v1.34.4", "h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk="),
    "1.37": ("v1.37.2", "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE="),
}
ADDED = (("sigs.k8s.io/gateway-api", "config/crd/standard"), ("github.com/argoproj/argo-rollouts", "manifests/crds"))
# How kubeconform names the file of a kind.
FILE = "{{.ResourceKind}}{{.KindSuffix}}.json"
WRITTEN_BY = Path(__file__).read_bytes()

Schema = dict[str, Any]


def schemas(version: str) -> str:
    """What kubeconform takes as --schema-location for a version of Kubernetes, a key of MODULES."""
    folder = cache.kept("schemas", cache.key(MODULES[version], ADDED, WRITTEN_BY), lambda made: _make(version, made))
    return f"{folder}/{FILE}"


def _make(version: str, folder: Path) -> None:
    document = json.loads((_module(version) / "api/openapi-spec/swagger.json").read_bytes())
    for name, schema in (*_own(document["definitions"]), *_added()):
        (folder / name).write_text(json.dumps(schema))


def _module(version: str) -> Path:
    need("go")
    number, digest = MODULES[version]
    command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@{number}"]
    done = subprocess.run(command, cwd=binaries.DEFINITIONS, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}{done.stdout}")
    said = json.loads(done.stdout)
    if said["Sum"] != digest:
        raise RuntimeError(f"k8s.io/kubernetes {number} is not what it was: {said['Sum']}")
    return Path(said["Dir"])


def _own(definitions: dict[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """The schema of each kind, with all that it refers to."""
    strict = {name: _strict(each) for name, each in definitions.items()}
    strict["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    strict["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["string", "integer"]}
    for name, each in definitions.items():
        for kind in each.get("x-kubernetes-group-version-kind", ()):
            if "kind" not in each.get("properties", {}):
                continue
            needed = {other: strict[other] for other in _reached(strict, name)}
            schema = {**strict[name], "definitions": needed}
            yield _of_kind(schema, kind["group"], kind["version"], kind["kind"])


@cache_of_process
def _added() -> list[tuple[str, Schema]]:
    return [
        found
        for module, where in ADDED
        for path in sorted(binaries.definitions(module, where).glob("*.yaml"))
        for document in YAML(typ="safe").load_all(path)
        if (document or {}).get("kind") == "CustomResourceDefinition"
        for found in _versions(document["spec"])
    ]


def _versions(spec: Schema) -> Iterator[tuple[str, Schema]]:
    for version in spec["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}  # anything: the API server looks at it by itself
        yield _of_kind(schema, spec["group"], version["name"], spec["names"]["kind"])


def _of_kind(schema: Schema, group: str, version: str, kind: str) -> tuple[str, Schema]:
    """The name of a kind's file, and its schema."""
    api_version = f"{group}/{version}" if group else version
    said = {"kind": {"const": kind}, "apiVersion": {"const": api_version}}
    suffix = "-".join(part.lower() for part in (group.split(".")[0], version) if part)
    return f"{kind.lower()}-{suffix}.json", {
        **schema,
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {**schema.get("properties", {}), **said},
        "required": sorted({*schema.get("required", ()), "kind", "apiVersion", "metadata"}),
    }


def _strict(schema: Any) -> Any:
    """A schema of OpenAPI as JSON Schema, in which an object has no fields but those that are named."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    made = {key: _strict(value) for key, value in schema.items() if not key.startswith("x-") and key != "properties"}
    if "properties" in schema:
        made["properties"] = {name: _strict(each) for name, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    return made


def _reached(definitions: dict[str, Schema], name: str) -> set[str]:
    """The definitions that one refers to, and those that they do."""
    found: set[str] = set()
    waiting = [definitions[name]]
    while waiting:
        schema = waiting.pop()
        reference = schema.get("$ref")
        if isinstance(reference, str):
            other = reference.removeprefix("#/definitions/")
            if other not in found:
                found.add(other)
                waiting.append(definitions[other])
        for value in schema.values():
            waiting += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
    return found
