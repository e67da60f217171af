"""Passwords as Jenkins keeps them: ciphertext that only this server can read."""

import base64
import os
import re

_CIPHER = re.compile(r"\{AQAAAB[A-Za-z0-9+/=]+\}")


class Secrets:
    """The secrets of one server."""

    def __init__(self) -> None:
        self._plain: dict[str, str] = {}

    def encrypted(self, text: str) -> str:
        """Ciphertext for a plain text; a ciphertext of this server stays what it is."""
        if text.strip() in self._plain:
            return text.strip()
        length = 16 * (len(text.encode()) // 16 + 1)  # as long as AES would make it
        shape = b"\x01" + (16).to_bytes(4, "big") + length.to_bytes(4, "big")
        cipher = "{" + base64.b64encode(shape + os.urandom(16 + length)).decode() + "}"
        self._plain[cipher] = text
        return cipher

    def decrypted(self, text: str) -> str:
        """What a secret says; something that is no ciphertext of this server is plain text."""
        return self._plain.get(text.strip(), text)


def redacted(xml: str) -> str:
    """A configuration for somebody who may not see its secrets."""
    return _CIPHER.sub("********", xml)
