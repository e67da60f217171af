"""XML as Java reads and writes it: version 1.1 with control characters, CDATA kept, and no namespaces.

Two writers: `stored` is what a server has on disk right after a POST (the posted text, parsed and written again),
`saved` is how XStream writes an object.
"""

import re
from dataclasses import dataclass, field

_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_NAME = r"[^\s<>/=&\"'!?]+"
_TOKENS = re.compile(
    rf"<!\[CDATA\[(?P<cdata>.*?)\]\]>|<!--(?P<comment>.*?)-->|<\?(?P<pi>.*?)\?>|<!(?P<doctype>[A-Z][^>]*)>"
    rf"|</(?P<end>{_NAME})\s*>|<(?P<start>{_NAME})(?P<attributes>(?:\s+{_NAME}\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*"
    rf"(?P<empty>/?)>|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"({_NAME})\s*=\s*(\"[^\"]*\"|'[^']*')")
_REFERENCE = re.compile(r"&(#x[0-9a-fA-F]+|#[0-9]+|\w+);|&")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class BadXml(Exception):
    """The text is no XML."""


class CData(str):
    """Text that stands in a CDATA section."""

    __slots__ = ()


class Comment(str):
    """A comment."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Node:
    """An element.

    Args:
        tag: its name.
        attributes: in their order.
        children: elements, texts, CDATA sections and comments.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    @property
    def elements(self) -> list["Node"]:
        return [child for child in self.children if isinstance(child, Node)]

    @property
    def text(self) -> str:
        return "".join(child for child in self.children if isinstance(child, str) and not isinstance(child, Comment))

    def find(self, *path: str) -> "Node | None":
        """The first element at this path."""
        here = self
        for tag in path:
            found = next((child for child in here.children if isinstance(child, Node) and child.tag == tag), None)
            if found is None:
                return None
            here = found
        return here

    def text_of(self, *path: str) -> str | None:
        found = self.find(*path)
        return None if found is None else found.text

    def set_text(self, tag: str, text: str, before: tuple[str, ...] = ()) -> None:
        """Gives a child this text; a new one stands in front of those, or at the end."""
        found = self.find(tag)
        if found is None:
            found = Node(tag)
            at = next(
                (i for i, each in enumerate(self.children) if isinstance(each, Node) and each.tag in before), None
            )
            self.children.insert(len(self.children) if at is None else at, found)
        found.children = [text]

    def remove(self, tag: str) -> None:
        self.children = [child for child in self.children if not (isinstance(child, Node) and child.tag == tag)]

    def walk(self):
        yield self
        for child in self.elements:
            yield from child.walk()

    def copy(self) -> "Node":
        children = [child.copy() if isinstance(child, Node) else child for child in self.children]
        return Node(self.tag, dict(self.attributes), children)


@dataclass
class Document:
    """A parsed text.

    Args:
        root: its element.
        version: of XML that it declared.
    """

    root: Node
    version: str = "1.0"


def node(tag: str, *children: Node | str, **attributes: str) -> Node:
    """An element; `class_` stands for class."""
    return Node(tag, {name.rstrip("_"): text for name, text in attributes.items()}, list(children))


def parse(text: str) -> Document:
    """Reads a text, or raises BadXml."""
    builder = _Builder()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    for match in _TOKENS.finditer(text):
        if match.start() != at:
            break
        at = match.end()
        builder.take(match)
    if at != len(text) or builder.root is None or builder.open:
        raise BadXml("the text ends too early")
    return Document(builder.root, builder.version)


class _Builder:
    def __init__(self) -> None:
        self.version = "1.0"
        self.root: Node | None = None
        self.open: list[Node] = []

    def take(self, match: re.Match[str]) -> None:
        kind = match.lastgroup
        if kind in ("attributes", "empty"):
            self._start(match)
        elif kind == "end":
            if not self.open or self.open.pop().tag != match["end"]:
                raise BadXml(f"</{match['end']}> does not belong here")
        elif kind == "pi":
            if declared := re.match(r"""xml\s.*?version\s*=\s*["'](1\.[01])["']""", match["pi"], re.DOTALL):
                self.version = declared[1]
        elif kind == "doctype":
            raise BadXml("a document type is not allowed")
        elif self.open:
            self.open[-1].children.append(_content(kind, match[kind or 0], self.version))
        elif kind == "text" and match["text"].strip():
            raise BadXml("text outside of the root")

    def _start(self, match: re.Match[str]) -> None:
        element = Node(match["start"], _attributes(match["attributes"], self.version))
        if self.open:
            self.open[-1].children.append(element)
        elif self.root is None:
            self.root = element
        else:
            raise BadXml("two roots")
        if not match["empty"]:
            self.open.append(element)


def _content(kind: str | None, text: str, version: str) -> str:
    if kind == "comment":
        return Comment(text)
    if _ILLEGAL.search(text):
        raise BadXml("a control character")
    return CData(text) if kind == "cdata" else _decoded(text, version)


def _attributes(text: str, version: str) -> dict[str, str]:
    return {name: _decoded(value[1:-1], version) for name, value in _ATTRIBUTE.findall(text)} if text else {}


def _decoded(text: str, version: str) -> str:
    if "&" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            raise BadXml("a bare &")
        if name[0] != "#":
            if name not in _ENTITIES:
                raise BadXml(f"unknown entity {name}")
            return _ENTITIES[name]
        char = chr(int(name[2:], 16) if name[1] == "x" else int(name[1:]))
        if char == "\0" or (version == "1.0" and _ILLEGAL.match(char)):
            raise BadXml("a character that XML does not have")
        return char

    return _REFERENCE.sub(one, text)


_STORED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_STORED |= {chr(code): f"&#{code};" for code in range(1, 32) if chr(code) not in "\t\n\r"}
_STORED_TEXT = str.maketrans(_STORED)
_STORED_ATTRIBUTE = str.maketrans(_STORED | {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
_SAVED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#xd;"}
_SAVED |= {chr(code): f"&#x{code:x};" for code in range(1, 32) if chr(code) not in "\t\n\r"}
_SAVED_TEXT = str.maketrans(_SAVED)


def stored(document: Document) -> str:
    """What lies on the disk after a POST."""
    out = [f'<?xml version="{document.version}" encoding="UTF-8"?>']
    _store(document.root, out)
    return "".join(out)


def _store(element: Node, out: list[str]) -> None:
    out.append(f"<{element.tag}")
    out += [f' {name}="{text.translate(_STORED_ATTRIBUTE)}"' for name, text in element.attributes.items()]
    if not any(isinstance(child, Node | Comment) or child for child in element.children):
        out.append("/>")
        return
    out.append(">")
    for child in element.children:
        if isinstance(child, Node):
            _store(child, out)
        elif isinstance(child, CData):
            out.append(f"<![CDATA[{child}]]>")
        elif isinstance(child, Comment):
            out.append(f"<!--{child}-->")
        else:
            out.append(child.translate(_STORED_TEXT))
    out.append(f"</{element.tag}>")


def saved(root: Node, declaration: str = "<?xml version='1.1' encoding='UTF-8'?>\n") -> str:
    """What XStream writes for an object; an element with an empty text is no empty element."""
    out = [declaration]
    _save(root, out, "")
    return "".join(out).removesuffix("\n")


def _save(element: Node, out: list[str], indent: str) -> None:
    out.append(f"{indent}<{element.tag}")
    out += [f' {name}="{text.translate(_SAVED_TEXT)}"' for name, text in element.attributes.items()]
    elements = element.elements
    if elements:
        out.append(">\n")
        for child in elements:
            _save(child, out, indent + "  ")
        out.append(f"{indent}</{element.tag}>\n")
    elif element.children:
        out.append(f">{element.text.translate(_SAVED_TEXT)}</{element.tag}>\n")
    else:
        out.append("/>\n")
