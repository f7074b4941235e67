"""XMP (ISO 16684-1): the properties of a packet that repeat EXIF, for files that have nothing else."""

from xml.parsers import expat

NAMESPACES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
}
"""The namespaces that matter, by the prefix that the specification gives them; files may give them others."""

JPEG_IDENTIFIER = b"http://ns.adobe.com/xap/1.0/\0"
"""What stands before a packet in a JPEG's APP1 segment."""

ITEM = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
LARGEST_PACKET_BYTES = 2**22
"""Photoshop's histories make packets of megabytes; parsing 4 MiB of the shortest elements takes 0.5 s."""


class Xmp:
    """The properties of a packet."""

    def __init__(self, packet: bytes | None) -> None:
        """Parse a packet; one that is damaged, too large or declares a document type says nothing."""
        self._found: dict[str, str] = {}
        self._property: str | None = None
        self._text: list[str] = []
        if packet is None or len(packet) > LARGEST_PACKET_BYTES:
            return
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = _refuse_entities
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(packet.strip(b"\0"), True)
        except (expat.ExpatError, ValueError):
            self._found.clear()

    def text(self, name: str) -> str | None:
        """Text of a property ("exif:ExposureTime"), the first of a list's; None where it is not stated."""
        return self._found.get(name)

    def number(self, name: str) -> float | None:
        """Value of a number or a fraction ("1/60"); None where none is stated."""
        numerator, _, denominator = self._found.get(name, "").partition("/")
        try:
            return float(numerator) / float(denominator or 1)
        except (ValueError, ArithmeticError):
            return None

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        self._text.clear()
        if (name := _name(element)) is not None:
            self._property = name
        for attribute, value in attributes.items():
            if (name := _name(attribute)) is not None:
                self._note(name, value)

    def _end(self, element: str) -> None:
        if self._property is not None and (element == ITEM or _name(element) == self._property):
            self._note(self._property, "".join(self._text))
            self._text.clear()
        if _name(element) == self._property:
            self._property = None

    def _note(self, name: str, text: str) -> None:
        if text.strip():
            self._found.setdefault(name, text.strip())


def _name(qualified: str) -> str | None:
    """Turn "namespace local" into "prefix:local"; None in a namespace that does not matter."""
    namespace, _, local = qualified.rpartition(" ")
    prefix = NAMESPACES.get(namespace)
    return None if prefix is None else f"{prefix}:{local}"


def _refuse_entities(*declaration: object) -> None:
    """Entities, which may grow without end, are declared in a document type; no packet has one."""
    raise ValueError("a document type in a packet")
