"""The signed approvals of a model: approvals/<environment>/<version>-<digest>.json, each created once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from jenkins_ml import names
from jenkins_ml.adapters import files, signing
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.records import Approval, decode, digest, encode

_DIGITS = 16


@dataclass(frozen=True)
class Approvals:
    """Where people's approvals for one environment lie.

    Args:
        store: of the model.
        environment: which.
    """

    store: ModelStore
    environment: str

    @property
    def _folder(self) -> Path:
        return self.store.home / names.APPROVALS / self.environment

    def keep(self, approval: Approval) -> Path:
        """Keep one; answers where."""
        data = encode(approval)
        path = self._folder / f"{approval.candidate.version}-{digest(data)[:_DIGITS]}.json"
        with files.translated("keeping the approval"):
            files.create_once(path, data)
        return path

    def files(self, version: int) -> tuple[Path, ...]:
        """The files of a version's approvals."""
        with files.translated("reading the approvals"):
            return tuple(sorted(self._folder.glob(f"{version}-*.json")))


def read(path: Path) -> Approval:
    """The approval in a file.

    Raises:
        IntegrityError: it is none.
    """
    with files.translated("reading an approval"):
        return decode(Approval, path.read_bytes(), str(path))


def signed_part(approval: Approval) -> bytes:
    """What the signature is over: the record without it."""
    return encode(replace(approval, signature=""))


def sign(approval: Approval, key: Path, *, terminal: bool) -> Approval:
    """The same with a signature; see signing.sign."""
    return replace(approval, signature=signing.sign(signed_part(approval), key, terminal=terminal))


def signer(approval: Approval, signers: Path) -> str:
    """Who signed it, by the name in a file of allowed signers; see signing.signer."""
    return signing.signer(signed_part(approval), approval.signature, signers)
