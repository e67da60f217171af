"""Keys of people who do not exist, made by the real ssh-keygen."""

import subprocess
from pathlib import Path


def make_key(folder: Path, name: str, passphrase: str = "") -> Path:
    """A new private key; its public one lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return folder / name


def line(who: str, key: Path, options: str = "") -> str:
    """The line of a file of allowed signers."""
    return f"{who} {options} {key.with_name(f'{key.name}.pub').read_text()}"
