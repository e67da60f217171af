"""Signatures by people's SSH keys, made and checked by ssh-keygen: https://man.openbsd.org/ssh-keygen (-Y, ALLOWED SIGNERS)."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from jenkins_ml import names
from jenkins_ml.errors import GateRejected, IntegrityError, UsageError

_SECONDS: Final = 60.0  # to check a signature; to make one, somebody may have to find a token and touch it
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/=]+")


def sign(message: bytes, key: Path, *, terminal: bool) -> str:
    """Sign a message.

    Args:
        message: what is signed.
        key: a private key, or the public one of a key that ssh-agent holds.
        terminal: whether somebody is there who can be asked for a passphrase or a touch; ssh-keygen talks to them itself.

    Returns:
        The signature, armoured.

    Raises:
        UsageError: there is no such key, it cannot be used, or ssh-keygen is missing.
    """
    if not key.is_file():
        raise UsageError(
            f"there is no key {key}", "name a file with --key: a private key, or the .pub of one in ssh-agent"
        )
    with tempfile.TemporaryDirectory() as folder:
        # By a file: with the message on standard input ssh-keygen would ask nobody for a passphrase.
        file = Path(folder) / "approval"
        file.write_bytes(message)
        arguments = ("-q", "-Y", "sign", "-f", str(key.absolute()), "-n", names.SIGNATURES, str(file))
        done = _run(*arguments, terminal=terminal, seconds=None)
        signature = file.with_suffix(".sig")
        if done.returncode or not signature.is_file():
            reason = _last_line(done)
            raise UsageError(
                f"ssh-keygen could not sign with {key}" + (f": {reason}" if reason else ""),
                "give a key with --key, and load it into ssh-agent (ssh-add) where nobody can be asked for its passphrase",
            )
        return signature.read_text("ascii")


def fingerprint(message: bytes, signature: str) -> str:
    """The fingerprint of the key that signed a message, whosever it is.

    Raises:
        IntegrityError: it is no signature of this message.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = _run("-Y", "check-novalidate", "-n", names.SIGNATURES, "-s", _file(folder, signature), data=message)
    found = _FINGERPRINT.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode or found is None:
        raise IntegrityError(
            f"the signature does not belong to what is signed: {_last_line(done)}", "look who changed it"
        )
    return found[0]


def signer(message: bytes, signature: str, signers: Path) -> str:
    """Who signed a message, by the name that a file of allowed signers has for their key.

    Args:
        message: what was signed.
        signature: armoured.
        signers: a file in the format of ssh-keygen's ALLOWED SIGNERS.

    Raises:
        IntegrityError: it is no signature of this message.
        GateRejected: it is, and the key may not sign: it is not in the file, has expired, or is for something else.
        UsageError: ssh-keygen is missing.
    """
    key = fingerprint(message, signature)
    with tempfile.TemporaryDirectory() as folder:
        file = _file(folder, signature)
        found = _run("-Y", "find-principals", "-s", file, "-f", str(signers))
        principals = found.stdout.decode("utf-8", "replace").splitlines()
        if found.returncode or not principals:
            raise _not_allowed(key, signers, found)
        arguments = ("-Y", "verify", "-n", names.SIGNATURES, "-s", file, "-f", str(signers), "-I", principals[0])
        done = _run(*arguments, data=message)
    if done.returncode:
        raise _not_allowed(key, signers, done)
    return principals[0]


def _not_allowed(key: str, signers: Path, done: subprocess.CompletedProcess[bytes]) -> GateRejected:
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith(f"{signers}:")]
    why = f" ({lines[0].removeprefix(f'{signers}:')})" if lines else ""
    return GateRejected(
        f"the key {key} may not approve releases{why}",
        f"let somebody approve whose key stands in {signers}, or have it added there",
    )


def _file(folder: str, signature: str) -> str:
    file = Path(folder) / "signature"
    file.write_text(signature, "utf-8")
    return str(file)


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or b"").decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _run(
    *arguments: str, data: bytes = b"", terminal: bool = False, seconds: float | None = _SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen; at a terminal it speaks to whoever sits there."""
    command = ["ssh-keygen", *arguments]
    try:
        if terminal:
            return subprocess.run(command, stdout=subprocess.PIPE, timeout=seconds, check=False)
        return subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
    except FileNotFoundError as error:
        raise UsageError(
            "approvals are signed and checked by ssh-keygen, which is not on the PATH",
            "install OpenSSH's client, 8.2 or later (Debian: openssh-client)",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise UsageError("ssh-keygen did not end within a minute", "look what its configuration waits for") from error
