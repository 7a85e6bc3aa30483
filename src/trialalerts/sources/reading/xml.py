"""XML as the same plain objects that JSON gives, record by record; nothing outside of it is ever looked up.

An element with children is an object by their names (a list where a name comes again), ``@name`` is an attribute,
``#`` the text of an element that has attributes too; any other element is its text. Text with marks in it (``<i>``)
is one text. Namespaces are left out.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from trialalerts.errors import SourceError
from trialalerts.sources.reading.fields import XML_TEXT

__all__ = ["XmlRecords"]

_MARKS = frozenset({"i", "b", "u", "em", "strong", "sub", "sup", "br", "p", "italic", "bold", "emph"})
_DEEPEST = 60


class XmlRecords:
    """The records of an XML document, read as a stream.

    Args:
        body: the document.
        record: the name of the elements that are records, or several; others with records inside are walked through.
            ``*``: the document is one.
        url: its address without secrets, for messages.

    Attributes:
        root: the attributes of the outermost element (``@totalCount``).
        name: its name.

    Raises:
        SourceError: it is no XML, or breaks off; an iterator raises it too, where the fault comes later.
    """

    def __init__(self, body: bytes | BinaryIO, record: str | Collection[str], url: str) -> None:
        self._record = {record} if isinstance(record, str) else frozenset(record)
        self._url = url
        self._beginning = body[:200] if isinstance(body, bytes) else b""
        stream = io.BytesIO(body) if isinstance(body, bytes) else body
        self._events = iterparse(stream, events=("start", "end"), forbid_external=True)
        _, root = self._next() or (None, None)
        if root is None:
            raise self._broken("nothing")
        self._root = root
        self.name = _bare(root.tag)
        self._record = {self.name} if record == "*" else self._record
        self.root: Mapping[str, str] = {f"@{_bare(name)}": value for name, value in root.attrib.items()}

    def __iter__(self) -> Iterator[Any]:
        """Give the records, each let go of when the next one is asked for."""
        open_elements = [self._root]
        while (found := self._next()) is not None:
            event, element = found
            if event == "start":
                open_elements.append(element)
                if len(open_elements) > _DEEPEST:
                    raise self._broken("XML that is nested too deeply")
                continue
            open_elements.pop()
            if _bare(element.tag) in self._record:
                yield as_plain(element)
            if not any(_bare(outer.tag) in self._record for outer in open_elements):
                # What lies outside of records, and records that were read, are let go of.
                element.clear()
                if open_elements:
                    open_elements[-1].remove(element)

    def _next(self) -> tuple[str, Element] | None:
        try:
            return next(self._events, None)
        except DefusedXmlException:
            raise self._broken("XML that declares entities, which is refused") from None
        except (ParseError, ValueError, LookupError):
            raise self._broken(None) from None

    def _broken(self, found: str | None) -> SourceError:
        if found is None:
            start = self._beginning.lstrip().lower()
            is_html = start.startswith((b"<!doctype html", b"<html"))
            found = "an HTML page (an error, or a check for robots)" if is_html else "XML that breaks off, or is none"
        return SourceError(f"{self._url} answered with {found} instead of records; it will be tried again.")


def as_plain(element: Element) -> Any:
    """Return an element as plain objects, lists and texts; None for one that is empty."""
    children = [child for child in element if isinstance(child.tag, str)]
    attributes = {f"@{_bare(name)}": value for name, value in element.attrib.items()}
    if not children or _is_marked_text(element, children):
        text = "".join(element.itertext())
        if attributes:
            return attributes | ({XML_TEXT: text} if text.strip() else {})
        return text or None
    plain: dict[str, Any] = dict(attributes)
    for child in children:
        name, value = _bare(child.tag), as_plain(child)
        if name not in plain:
            plain[name] = value
        elif isinstance(plain[name], list):
            plain[name].append(value)
        else:
            plain[name] = [plain[name], value]
    return plain


def _is_marked_text(element: Element, children: list[Element]) -> bool:
    if (element.text and element.text.strip()) or any(child.tail and child.tail.strip() for child in children):
        return True
    return all(_bare(child.tag) in _MARKS for child in children)


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]
