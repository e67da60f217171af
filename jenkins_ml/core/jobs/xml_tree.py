"""The XML of a job's configuration as a value, read and written as a Jenkins server does it.

Jenkins writes XML 1.1, which allows most control characters as references; expat reads 1.0 only and knows no others. So
the declaration is left out, and each such reference is written as two other characters while it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from xml.parsers import expat

MOST_BYTES: Final = 32 << 20
MOST_LEVELS: Final = 200  # a configuration has about fifteen

_DECLARATION: Final = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>")
# While expat reads, a control character is this one and a letter; this one itself is doubled.
_ESCAPE: Final = "\U0010f700"
_ESCAPED: Final = re.compile(f"{_ESCAPE}(.)", re.DOTALL)
_LETTERS: Final = 0x40
_TO_ESCAPE: Final = re.compile(
    rf"<!\[CDATA\[.*?\]\]>|&#(?:x0*([0-9a-fA-F]{{1,6}})|0*([0-9]{{1,7}}));|{_ESCAPE}", re.DOTALL
)
_NEUTRAL: Final = re.compile('[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\r\x85\u2028]|[&<>"]')
_NAMED: Final[Mapping[str, str]] = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_NO_ATTRIBUTES: Final[Mapping[str, str]] = {}


class NotXmlError(ValueError):
    """A text that is no configuration; the message says why."""


class Element(NamedTuple):
    """One element: its tag, its attributes, the elements in it, or its text where there are none.

    A tuple, since a file of ten thousand jobs makes half a million of them.
    """

    tag: str
    children: tuple[Element, ...] = ()
    text: str = ""
    attributes: Mapping[str, str] = _NO_ATTRIBUTES

    def child(self, tag: str) -> Element | None:
        """The first child with a tag."""
        return next((each for each in self.children if each.tag == tag), None)

    def at(self, *tags: str) -> Element | None:
        """What lies below, a tag a level; None where there is no such element."""
        found: Element | None = self
        for tag in tags:
            found = found.child(tag) if found is not None else None
        return found

    def all(self) -> Iterator[Element]:
        """It and everything below it, from the top."""
        yield self
        for each in self.children:
            yield from each.all()

    def with_children(self, children: tuple[Element, ...]) -> Element:
        """The same with other children."""
        return self._replace(children=children)

    def with_text(self, text: str) -> Element:
        """The same with another text."""
        return self._replace(text=text)


def element(tag: str, *content: Element | str | int | None, **attributes: str) -> Element:
    """An element of children, or of one text; True and False as Java writes them; None is left out.

    `class_` is the attribute `class`.
    """
    children: list[Element] = []
    text = ""
    for each in content:
        if isinstance(each, Element):
            children.append(each)
        elif each is not None:
            text = _text(each)
    named = {name.rstrip("_"): value for name, value in attributes.items()} if attributes else _NO_ATTRIBUTES
    return Element(tag, tuple(children), text, named)


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse(text: str) -> Element:
    """The element that a document is; white space between elements is none of its text.

    Raises:
        NotXmlError: it is no XML, is too large, or has a document type, which no configuration has.
    """
    if len(text) > MOST_BYTES:
        raise NotXmlError(f"it is larger than {MOST_BYTES} characters")
    reader = _Reader()
    escaped = _DECLARATION.sub("", text, count=1)
    if "&#" in escaped or _ESCAPE in escaped:
        escaped = _TO_ESCAPE.sub(_escape, escaped)
    try:
        reader.parser.Parse(escaped.encode(errors="surrogatepass"), True)
    except expat.ExpatError as error:
        raise NotXmlError(f"it is no XML: {error}") from error
    [root] = reader.done
    return root


def write(root: Element) -> str:
    """The document, as XML 1.1 in UTF-8; `parse` reads the same element back."""
    pieces = ["<?xml version='1.1' encoding='UTF-8'?>\n"]
    _write(root, pieces, "")
    pieces.append("\n")
    return "".join(pieces)


def _write(node: Element, pieces: list[str], indent: str) -> None:
    attributes = "".join(f' {name}="{_in_attribute(value)}"' for name, value in node.attributes.items())
    if node.children:
        pieces.append(f"{indent}<{node.tag}{attributes}>\n")
        for each in node.children:
            _write(each, pieces, indent + "  ")
            pieces.append("\n")
        pieces.append(f"{indent}</{node.tag}>")
    elif node.text:
        pieces.append(f"{indent}<{node.tag}{attributes}>{_escaped(node.text)}</{node.tag}>")
    else:
        pieces.append(f"{indent}<{node.tag}{attributes}/>")


def _escaped(text: str) -> str:
    return _NEUTRAL.sub(lambda match: _NAMED.get(match[0]) or f"&#{ord(match[0])};", text)


def _in_attribute(text: str) -> str:
    return _escaped(text).replace("\t", "&#9;").replace("\n", "&#10;")


def _escape(match: re.Match[str]) -> str:
    """What stands for a reference while expat reads; in CDATA there are none."""
    if not match[1] and not match[2]:
        return match[0].replace(_ESCAPE, _ESCAPE * 2)
    code = int(match[1], 16) if match[1] else int(match[2])
    if code == ord(_ESCAPE):
        return _ESCAPE * 2
    return match[0] if code in (0, 9, 10, 13) or code > 0x1F else _ESCAPE + chr(_LETTERS + code)


def _plain(text: str) -> str:
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda match: _ESCAPE if match[1] == _ESCAPE else chr(ord(match[1]) - _LETTERS), text)


class _Reader:
    """Builds elements from expat's events."""

    def __init__(self) -> None:
        self.done: list[Element] = []
        self._open: list[tuple[str, dict[str, str], list[Element], list[str]]] = []
        self.parser = expat.ParserCreate("UTF-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype  # no entities, so nothing multiplies or reads files

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MOST_LEVELS:
            raise NotXmlError(f"it is nested deeper than {MOST_LEVELS} levels")
        self._open.append((tag, {name: _plain(value) for name, value in attributes.items()}, [], []))

    def _end(self, _: str) -> None:
        tag, attributes, children, texts = self._open.pop()
        text = "" if children else _plain("".join(texts))
        node = Element(tag, tuple(children), text, attributes)
        (self._open[-1][2] if self._open else self.done).append(node)

    def _characters(self, text: str) -> None:
        self._open[-1][3].append(text)

    def _doctype(self, *_: Any) -> None:
        raise NotXmlError("it has a document type, which no configuration has")
