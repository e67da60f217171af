"""Addresses of web services that we call, or whose address we write into other programs' configuration."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from jenkins_ml.config import patterns

_LAST_PORT: Final = 65535
# What Go's and Python's parsers both take; the pattern of all web addresses lets pass what only one of them does.
_PARTS: Final = re.compile(
    r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
)


def _as_everybody_reads_it(address: str) -> str:
    """The address, if it is one to every program that reads it; else ValueError."""
    found = _PARTS.fullmatch(address)
    if found is None:
        raise ValueError(
            "write an address such as http://prometheus:9090/path: a host of letters, digits, '.', '_' and '-' or an "
            "IPv6 address in brackets, a port in digits, and in the path anything unusual as %20"
        )
    if found["port"] is not None and not 1 <= int(found["port"]) <= _LAST_PORT:
        raise ValueError(f"there is no port {found['port']}: ports are 1 to {_LAST_PORT}")
    return address


ServiceUrl = Annotated[str, Field(pattern=patterns.WEB_ADDRESS), AfterValidator(_as_everybody_reads_it)]
