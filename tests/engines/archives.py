"""Images as archives that both Docker (`docker load`) and containerd (`ctr images import`) take, without a registry."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
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
        return hashlib.sha256(json.dumps(self._document({}), sort_keys=True).encode()).hexdigest()

    def archive(self) -> Iterator[bytes]:
        """The archive, piece by piece."""
        config = json.dumps(self._document({LABEL: self.made_of})).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        names = [f"{layer.sha256}.tar" for layer in self.layers]
        manifest = json.dumps([{"Config": config_name, "RepoTags": [self.name], "Layers": names}]).encode()
        for name, data in ((config_name, config), ("manifest.json", manifest)):
            yield _header(name, len(data)) + data + _padding(len(data))
        for name, layer in zip(names, self.layers, strict=True):
            size = layer.path.stat().st_size
            yield _header(name, size)
            with layer.path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
            yield _padding(size)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _document(self, labels: Mapping[str, str]) -> dict[str, object]:
        return {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {**self.config, "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.sha256}" for layer in self.layers]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tests"} for _ in self.layers],
        }


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
