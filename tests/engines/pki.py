"""Keys and certificates of a cluster for tests, made with `openssl`: one authority, and whoever it vouches for."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

DAYS = "30"


class Authority:
    """Signs certificates into its folder: NAME.key and NAME.crt beside ca.key and ca.crt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.key("ca")
        usage = "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"
        self._openssl(
            "req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=tests", "-addext", usage, "-out", "ca.crt"
        )

    def key(self, name: str) -> None:
        """A private key, without a certificate."""
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")

    def public(self, name: str) -> None:
        """NAME.pub beside NAME.key."""
        self._openssl("ec", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")

    def client(self, name: str, user: str, group: str | None = None) -> None:
        """A client's certificate: Kubernetes reads the user's name and group from it."""
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        self._certificate(name, subject, "extendedKeyUsage=clientAuth\n")

    def server(self, name: str, addresses: Iterable[str], hosts: Iterable[str]) -> None:
        """A server's certificate for these addresses and names."""
        names = ",".join([*(f"IP:{each}" for each in addresses), *(f"DNS:{each}" for each in hosts)])
        self._certificate(name, f"/CN={name}", f"extendedKeyUsage=serverAuth\nsubjectAltName={names}\n")

    def _certificate(self, name: str, subject: str, extensions: str) -> None:
        self.key(name)
        said = self.folder / f"{name}.ext"
        said.write_text(f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n{extensions}")
        self._openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", said.name, "-days", DAYS)
        self._openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.crt")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=True)
