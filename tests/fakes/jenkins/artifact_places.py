"""A build's archived files."""

import hashlib
import io
import zipfile
from email.utils import formatdate
from typing import Any

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.builds import Run
from tests.fakes.jenkins.messages import Reply, Request

_KINDS = {"txt": "text/plain", "json": "application/json", "html": "text/html", "xml": "application/xml"}


def answer(request: Request, run: Run, rest: list[str]) -> Reply:
    """artifact/…"""
    files = {} if run.building else run.does.artifacts
    if "*fingerprint*" in rest:
        rest = rest[: rest.index("*fingerprint*")]
    if "*zip*" in rest:
        return pages.text(_zip(files, rest[: rest.index("*zip*")]), "application/zip")
    if rest and rest[-1] == "*plain*":
        return _listing(request, files, rest[:-1])
    path = "/".join(rest)
    if path not in files:
        return request.server.pages.not_found()
    kind = _KINDS.get(path.rpartition(".")[2], "application/octet-stream")
    date = formatdate(run.ended or run.started, usegmt=True)
    return pages.text(files[path], kind, **{"Last-Modified": date})


def _zip(files: dict[str, bytes], under: list[str]) -> bytes:
    start = "".join(f"{part}/" for part in under)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            if path.startswith(start):
                archive.writestr(f"archive/{path}", data)
    return packed.getvalue()


def _listing(request: Request, files: dict[str, bytes], under: list[str]) -> Reply:
    start = "".join(f"{part}/" for part in under)
    inside = sorted({path.removeprefix(start).partition("/")[0] for path in files if path.startswith(start)})
    return pages.text("".join(f"{name}\n" for name in inside)) if inside else request.server.pages.not_found()


def fingerprints(run: Run) -> list[dict[str, Any]]:
    """Of the files that a build has archived."""
    at = {"name": run.job.full_name, "number": run.number}
    return [
        {
            "fileName": path.rpartition("/")[2],
            "hash": hashlib.md5(data).hexdigest(),
            "original": at,
            "timestamp": int(run.started * 1000),
            "usage": [
                {"name": run.job.full_name, "ranges": {"ranges": [{"end": run.number + 1, "start": run.number}]}}
            ],
        }
        for path, data in ({} if run.building else run.does.artifacts).items()
    ]
