"""Images as archives, without a registry: for Docker (`docker load`) and for containerd (`ctr images import`)."""

import hashlib
import json
import os
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LABEL = "jenkins-ml-tests.made-of"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A tar archive, not compressed, and its SHA-256 in hex."""

    path: Path
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Layer":
        """Of an archive whose digest stands beside it once it was asked for."""
        beside = path.with_suffix(".sha256")
        if not beside.exists():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_text(digest)
            temporary.replace(beside)
        return cls(path, beside.read_text())


@dataclass(frozen=True)
class Image:
    """An image: its name and tag, its layers (the lowest first), and the `config` that containers start with."""

    name: str
    layers: tuple[Layer, ...]
    config: Mapping[str, object]

    @property
    def made_of(self) -> str:
        """Two images with the same one are the same; it stands in a label."""
        return _sha256(json.dumps(self._document({}), sort_keys=True).encode())

    def archive(self) -> Iterator[bytes]:
        """As `docker save` writes it, piece by piece."""
        config = self._config()
        names = [f"{layer.sha256}.tar" for layer in self.layers]
        manifest = [{"Config": f"{_sha256(config)}.json", "RepoTags": [self.name], "Layers": names}]
        yield _entry(f"{_sha256(config)}.json", config)
        yield _entry("manifest.json", json.dumps(manifest).encode())
        for name, layer in zip(names, self.layers, strict=True):
            yield from _file(name, layer.path)
        yield _END

    def oci_layout(self, known: Collection[str]) -> Iterator[bytes]:
        """As OCI's image layout, piece by piece, without the layers that the reader knows: containerd keeps those."""
        config = self._config()
        layers = [(_LAYER, layer.sha256, layer.path.stat().st_size) for layer in self.layers]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _descriptor(_CONFIG, _sha256(config), len(config)),
                "layers": [_descriptor(*each) for each in layers],
            }
        ).encode()
        index = _descriptor(_MANIFEST, _sha256(manifest), len(manifest))
        # containerd takes an image's whole name from its own annotation.
        index["annotations"] = {"io.containerd.image.name": f"docker.io/{self.name}"}
        yield _entry("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        yield _entry("index.json", json.dumps({"schemaVersion": 2, "manifests": [index]}).encode())
        for data in (config, manifest):
            yield _entry(f"blobs/sha256/{_sha256(data)}", data)
        for layer in self.layers:
            if layer.sha256 not in known:
                yield from _file(f"blobs/sha256/{layer.sha256}", layer.path)
        yield _END

    def _config(self) -> bytes:
        return json.dumps(self._document({LABEL: self.made_of})).encode()

    def _document(self, labels: Mapping[str, str]) -> dict[str, object]:
        return {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {**self.config, "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.sha256}" for layer in self.layers]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tests"} for _ in self.layers],
        }


_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_END = bytes(2 * tarfile.BLOCKSIZE)


def _descriptor(kind: str, sha256: str, size: int) -> dict[str, object]:
    return {"mediaType": kind, "digest": f"sha256:{sha256}", "size": size}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _entry(name: str, data: bytes) -> bytes:
    return _header(name, len(data)) + data + _padding(len(data))


def _file(name: str, path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield _header(name, size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
    yield _padding(size)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
