"""Full names of jobs and folders, and their paths at a server."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from jenkins_ml.errors import UsageError


def item_path(name: str) -> str:
    """The path of a job or folder below the server's address: "a/b c/x" -> "job/a/job/b%20c/job/x".

    Raises:
        UsageError: it is no full name.
    """
    parts = name.strip("/").split("/")
    if any(part in ("", ".", "..") or re.search(r"[\x00-\x1f\x7f]", part) for part in parts):
        raise UsageError(f"{name!r} is no full name of a job", "write it as folder/job, without the word job between")
    return "/".join(f"job/{quote(part, safe='')}" for part in parts)


def item_name(path: str) -> str:
    """The full name that such a path or URL names; the way back of `item_path`."""
    found = re.search(r"((?:/job/[^/]+)+)/?(?:\d+/?)?$", "/" + urlsplit(path).path)
    return "/".join(unquote(name) for name in found[1].split("/")[2::2]) if found else ""
