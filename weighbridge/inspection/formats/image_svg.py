"""SVG, held to shapes and text: no scripts, no styles from outside, no entities, no references but to itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.reader import ForwardReader

SIZE_LIMIT = 4 * 1024 * 1024
_DEPTH_LIMIT = 100
_ELEMENTS = frozenset(
    {"svg", "g", "defs", "symbol", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
     "text", "tspan", "textPath", "lineargradient", "radialgradient", "stop", "clippath", "mask", "pattern", "marker", "use",
     "image", "filter", "fegaussianblur", "feoffset", "femerge", "femergenode", "feblend", "fecolormatrix", "feflood",
     "fecomposite", "fedropshadow", "style", "metadata", "switch", "textpath", "rdf", "work", "creator", "agent", "date",
     "format", "type", "namedview"}
)  # fmt: skip
_DATA = re.compile("(?i)data:image/(png|jpeg|gif);base64,[a-z0-9+/=\\s]*")
_STYLE = re.compile("(?i)url\\s*\\(\\s*['\"]?\\s*(?!#)|@import|expression\\s*\\(|-moz-binding|behavior\\s*:|\\\\")


def validate_svg(reader: ForwardReader) -> Iterator[Finding]:
    """Validate one SVG picture.

    Raises:
        Fault: when it is not well-formed, or something in it is active.
    """
    data = reader.read(reader.size, what="picture", limit=SIZE_LIMIT)
    open_elements: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = name.rpartition(":")[2].casefold()
        open_elements.append(plain)
        if len(open_elements) > _DEPTH_LIMIT:
            raise Fault("inspect.image.limits", f"nested deeper than {_DEPTH_LIMIT} levels")
        if plain not in _ELEMENTS or (len(open_elements) == 1 and plain != "svg"):
            raise Fault(
                "inspect.image.active", f"element {shown(name)} is not on the list", offset=parser.CurrentByteIndex
            )
        for key, value in attributes.items():
            _attribute(key.rpartition(":")[2].casefold(), value, offset=parser.CurrentByteIndex)

    def text(value: str) -> None:
        if open_elements and open_elements[-1] == "style" and _STYLE.search(value):
            raise Fault("inspect.image.active", "a style reaches outside", offset=parser.CurrentByteIndex)

    def refuse(*_: object) -> None:
        raise Fault("inspect.image.active", "document types and instructions", offset=parser.CurrentByteIndex)

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_elements.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Fault("inspect.image.structure", f"not well-formed: {expat.errors.messages[error.code]}") from error
    yield from ()


def _attribute(name: str, value: str, *, offset: int) -> None:
    plain = re.sub("[\\s\\x00-\\x20]", "", value)
    if name.startswith("on"):
        raise Fault("inspect.image.active", f"handler {shown(name)}", offset=offset)
    if name in ("href", "src") and not (plain.startswith("#") or _DATA.fullmatch(value)):
        raise Fault("inspect.image.active", f"a reference to {shown(value)}", offset=offset)
    if _STYLE.search(value) or "javascript:" in plain.casefold():
        raise Fault("inspect.image.active", f"attribute {shown(name)} reaches outside", offset=offset)
