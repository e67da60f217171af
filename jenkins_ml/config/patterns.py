"""Every pattern that a text of jenkins-ml.yaml has to fit, and how people call it.

`$` ends the text in pydantic and in JSON Schema; in Python it also stands before a last newline, so use `fullmatch`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Words(NamedTuple):
    """What a pattern is in words.

    Args:
        kind: of the value, as the reference page names it.
        rule: the message for a value that does not fit.
    """

    kind: str
    rule: str


NAME: Final = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"
FUNCTION: Final = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"
METRIC: Final = r"^[A-Za-z][A-Za-z0-9_.@-]{0,62}$"
DURATION: Final = r"^([0-9]{1,6}(\.[0-9]+)?)(ms|s|m|h|d)$"
SIZE: Final = r"^([0-9]{1,9}(\.[0-9]{1,9})?) ?(B|kB|MB|GB|KiB|MiB|GiB)$"
VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
LIBRARY: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
REVISION: Final = r"^[A-Za-z0-9][A-Za-z0-9._/+-]*$"
SHA256: Final = r"^[0-9a-f]{64}$"
WEB_ADDRESS: Final = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
REPOSITORY: Final = r"^[^\s/]+(/[^\s/]+)+$"
LISTED: Final = r"^[^,\r\n]*[^,\s][^,\r\n]*$"
# Kubernetes: an amount is more than 0, and memory has no unit "m", which means thousandths of a byte.
CPU: Final = r"^([1-9][0-9]*(\.[0-9]+)?|0\.0*[1-9][0-9]*|[1-9][0-9]*m)$"
MEMORY: Final = r"^([1-9][0-9]*(\.[0-9]+)?|0\.0*[1-9][0-9]*)([KMGTPE]i|[kMGTPE])?$"
_DNS: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
_WORD: Final = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
OBJECT: Final = rf"^{_DNS}$"
HOST_NAME: Final = rf"^(\*\.)?{_DNS}$"
LABEL: Final = rf"^({_DNS}/)?{_WORD}$"
LABEL_VALUE: Final = rf"^({_WORD})?$"
RESOURCE: Final = rf"^{_DNS}/{_WORD}$"
MOUNT: Final = r"^/[^:\r\n]+$"
OWNER: Final = r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,98}[A-Za-z0-9])?$"
OWNER_AND_NAME: Final = r"^[^\s/]+/[^\s/]+$"
ABSOLUTE: Final = r"^/[^\r\n]*$"
# Images: a name of parts, the first of which may be a registry with a port; a reference also has a tag, a digest or both.
_IMAGE: Final = r"([A-Za-z0-9.-]+(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
IMAGE: Final = rf"^{_IMAGE}$"
IMAGE_REFERENCE: Final = rf"^{_IMAGE}(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?$"
IP_ADDRESS: Final = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$"
OBJECT_URL: Final = r"^(s3|gs|az|abfs|https)://[^\s?#]+$"
IN_REPOSITORY: Final = r"^[A-Za-z0-9_.][A-Za-z0-9_./ -]*$"

WORDS: Final = {
    NAME: Words(
        "name",
        "a name has small letters, digits, '.', '_' and '-', starts and ends with a letter or digit, "
        "and is at most 63 characters long",
    ),
    FUNCTION: Words("module:function", "write module:function, such as data:load"),
    METRIC: Words(
        "name of a metric",
        "the name of a metric has letters, digits, '_', '.', '@' and '-', starts with a letter, and is at most 63 "
        "characters long",
    ),
    DURATION: Words(
        "duration", "write a duration as a number of up to six digits and a unit: 500ms, 90s, 10m, 2h or 1d"
    ),
    SIZE: Words(
        "size", "write a size as a number and a unit: 500 MB, 1.5 GB or 200 MiB; or as a whole number of bytes"
    ),
    VARIABLE: Words(
        "variable",
        "a variable has letters, digits and '_', does not start with a digit, and is at most 100 characters long",
    ),
    LIBRARY: Words("text", "the name of a library has letters, digits, '_' and '-', and starts with a letter or digit"),
    REVISION: Words(
        "text",
        "a tag, branch or commit has letters, digits, '.', '_', '/', '+' and '-', and starts with a letter or digit",
    ),
    SHA256: Words("SHA-256", "a SHA-256 has 64 digits, each 0-9 or a-f"),
    WEB_ADDRESS: Words(
        "web address", "write an address such as https://git.example.com/api/v4, without a user, a query or blanks"
    ),
    REPOSITORY: Words("text", "write the path of a repository, such as acme/digits"),
    LISTED: Words("text", "one entry is one line with something on it and no comma: write several as a list"),
    CPU: Words("amount", 'write CPUs as a number, or in thousandths with m: "2", "0.5" or "500m"'),
    MEMORY: Words("amount", 'write memory as a number and a unit: "512Mi", "8Gi" or "16G"'),
    OBJECT: Words(
        "name in Kubernetes", "a name in Kubernetes has small letters, digits, '-' and '.', such as models-claim"
    ),
    HOST_NAME: Words("host name", "write a host name, such as models.example.com or *.example.com"),
    LABEL: Words("label", "write a label of nodes as name or domain/name, such as kubernetes.io/arch"),
    LABEL_VALUE: Words(
        "text",
        "the value of a label has at most 63 letters, digits, '-', '_' and '.', and starts and ends with a letter or digit",
    ),
    RESOURCE: Words("resource", "write a resource as domain/name, such as nvidia.com/gpu"),
    OWNER: Words(
        "owner", "an owner has letters, digits, '.', '_', '-' and '/', starts and ends with a letter or digit"
    ),
    OWNER_AND_NAME: Words("owner/name", "write owner/name, such as acme/digits"),
    ABSOLUTE: Words("absolute folder", "write an absolute folder, such as /srv/models"),
    IN_REPOSITORY: Words("folder", "write a folder of the repository, such as models/digits"),
    IMAGE: Words("image", "write an image without a tag, such as registry.example.com/ml/digits"),
    IMAGE_REFERENCE: Words("image", "write an image as name:tag, such as tensorflow/serving:2.19.1"),
    IP_ADDRESS: Words("IP address", "write an IP address, such as 127.0.0.1"),
    OBJECT_URL: Words("address", "write the address of an object store, such as s3://models/store"),
    MOUNT: Words("absolute folder", "write an absolute folder, such as /srv/models, without ':'"),
}
