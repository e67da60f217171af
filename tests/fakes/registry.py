"""A stand-in for an image registry: as much of the registry's HTTP API (version 2) as an engine pushes and pulls with.

    with FakeRegistry() as registry:
        registry.address                            # 127.0.0.1:PORT; engines speak HTTP to loopback addresses
        registry.refuse("PUT", "manifests", 403)    # from now on; allow() takes that back
        registry.credentials = ("user", "password")

Everything is kept in memory: `manifests` by name and reference, `blobs` by digest; `asked` lists method and path of
every request.
"""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ROUTE = re.compile(r"/v2/(?:(?P<name>.+)/(?P<kind>blobs/uploads|blobs|manifests)/(?P<reference>[^/]*))?")
CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS", 500: "UNKNOWN"}


class FakeRegistry:
    def __init__(self):
        self.credentials = None
        self.seconds = 0.0  # before each answer
        self.blobs = {}
        self.manifests = {}
        self.uploads = {}
        self.asked = []
        self.refusals = {}

    def refuse(self, method, kind, status, message="refused by the test"):
        """Answer every request of a method for "blobs", "blobs/uploads", "manifests" or "" (/v2/) with an error."""
        self.refusals[method, kind] = (status, message)

    def allow(self):
        self.refusals.clear()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.server_port}"

    def labels(self, name, reference):
        """The labels of an image, as pushed."""
        manifest = json.loads(self.manifests[name, reference][1])
        return json.loads(self.blobs[manifest["config"]["digest"]])["config"]["Labels"]

    def layers(self, name, reference):
        """The digests of its layers, the lowest first."""
        return [layer["digest"] for layer in json.loads(self.manifests[name, reference][1])["layers"]]

    def __enter__(self):
        handler = type("Bound", (Handler,), {"registry": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def _answer(self):
        registry, address = self.registry, urlsplit(self.path)
        body = self._body()
        registry.asked.append((self.command, address.path))
        time.sleep(registry.seconds)
        match = ROUTE.fullmatch(address.path)
        if match is None:
            return self._send(404)
        if registry.credentials is not None:
            token = base64.b64encode(":".join(registry.credentials).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {token}":
                return self._refuse(401, "authentication required")
        kind = match["kind"] or ""
        if refusal := registry.refusals.get((self.command, kind)):
            return self._refuse(*refusal)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        answer = {"": self._base, "blobs": self._blob, "blobs/uploads": self._upload, "manifests": self._manifest}
        return answer[kind](match["name"], match["reference"], query, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - as http.server calls them

    def _base(self, *_):
        self._send(200, b"{}")

    def _blob(self, name, digest, query, body):
        data = self.registry.blobs.get(digest)
        if data is None:
            return self._refuse(404, "blob unknown", "BLOB_UNKNOWN")
        return self._send(200, data, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest})

    def _upload(self, name, session, query, body):
        registry = self.registry
        if self.command == "POST":
            if query.get("mount") in registry.blobs:
                return self._made(name, query["mount"])
            session = secrets.token_hex(8)
            registry.uploads[session] = b""
        if session not in registry.uploads:
            return self._refuse(404, "upload unknown", "BLOB_UPLOAD_UNKNOWN")
        registry.uploads[session] += body
        if "digest" in query:  # the last piece, or the only one
            data = registry.uploads.pop(session)
            if sha256(data) != query["digest"]:
                return self._refuse(400, "digest invalid", "DIGEST_INVALID")
            registry.blobs[query["digest"]] = data
            return self._made(name, query["digest"])
        headers = {
            "Location": f"/v2/{name}/blobs/uploads/{session}",
            "Range": f"0-{max(0, len(registry.uploads[session]) - 1)}",
            "Docker-Upload-UUID": session,
        }
        return self._send(204 if self.command == "GET" else 202, b"", headers)

    def _made(self, name, digest):
        self._send(201, b"", {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _manifest(self, name, reference, query, body):
        registry = self.registry
        if self.command == "PUT":
            stored = (self.headers["Content-Type"], body)
            registry.manifests[name, reference] = registry.manifests[name, sha256(body)] = stored
            headers = {"Location": f"/v2/{name}/manifests/{sha256(body)}", "Docker-Content-Digest": sha256(body)}
            return self._send(201, b"", headers)
        if (name, reference) not in registry.manifests:
            return self._refuse(404, "manifest unknown", "MANIFEST_UNKNOWN")
        kind, data = registry.manifests[name, reference]
        return self._send(200, data, {"Content-Type": kind, "Docker-Content-Digest": sha256(data)})

    # --- HTTP -------------------------------------------------------------------------------------------------------
    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _refuse(self, status, message, code=None):
        document = {"errors": [{"code": code or CODES[status], "message": message}]}
        headers = {"WWW-Authenticate": 'Basic realm="test"'} if status == 401 else {}
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})

    def _send(self, status, data=b"", headers=None):
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        """Quiet."""
