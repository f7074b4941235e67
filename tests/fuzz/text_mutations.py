"""Mutations of text: numbers that are none or too large, lines lost and repeated, documents nested and of odd types."""

import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from fuzz.bytes_mutations import LARGEST_BYTES, extreme, some_bytes

ODD_WORDS = (
    b"nan", b"inf", b"-inf", b"1e999", b"-1e308", b"1e308", b"1e-320", b"-0.0", b"-1", b"0", b"9" * 5000, b"0x10",
    b"1_0", "\u0661\u0662".encode(), b"", b"\0", b"1,5", b"+-1", b"2" * 40, b"\xff\xfe", b"\x1b[31m", b"true", b"null",
    b"{}", b"[" * 3000, b'"', b"'", b"2147483648", b"1e400", b"1/0",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3, 1e308, -1e308, 1e-320, 10**7, 2**31, 2**63, 10**400, "", "\0", "x" * 100_000, "5", "..",
    "/dev/null", "\x1b[31m", [], {}, [[]], [0] * 10_000, float("nan"), float("inf"), {"a": {"b": None}},
)  # fmt: skip
WORD = re.compile(rb"[^\s,=:\[\]{}\"']+")
ODD_LINES = (
    b"# exposure time (s): -1", b"# ISO: nan", b"# f-number: 1e400", b"# exposure time (s): 1e-400", b"EXPOSURE=0",
    b"PRIMARIES=0 0 0 0 0 0 0 0", b"PRIMARIES=0.3 0.3 0.3 0.3 0.3 0.3 0.3 0.3", b"COLORCORR=1 2", b"EXPOSURE=1e300",
    b"SOFTWARE=hdrfuse", b"CAPDATE=0000:00:00 00:00:00", b"FORMAT=32-bit_rle_xyze", b"# camera: \x1b]0;x\x07",
)  # fmt: skip
DEEP = 100_000


def word(data: bytes, chance: Random) -> bytes:
    """Put an odd word in the place of one."""
    found = chance.choice(list(WORD.finditer(data[:20_000])))
    return data[: found.start()] + chance.choice(ODD_WORDS) + data[found.end() :]


def lines(data: bytes, chance: Random) -> bytes:
    """Lose, repeat or exchange lines, or end them otherwise."""
    each = data.split(b"\n")
    index, other = chance.randrange(len(each)), chance.randrange(len(each))
    match chance.randrange(5):
        case 0:
            del each[index]
        case 1:
            each[index:index] = [each[index]] * min(chance.choice((1, 5000)), LARGEST_BYTES // (1 + len(each[index])))
        case 2:
            each[index], each[other] = each[other], each[index]
        case 3:
            return chance.choice((b"\r\n", b"\r", b"\x0b", b"\n\n\n")).join(each)
        case _:
            return chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0")) + data
    return b"\n".join(each)


def odd_text(data: bytes, chance: Random) -> bytes:
    """Insert an odd word anywhere."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(ODD_WORDS) + data[at:]


def deep(data: bytes, chance: Random) -> bytes:
    """Nest lists or objects deeper than a parser's stack goes."""
    nest = chance.choice((b"[" * DEEP, b'{"a":' * DEEP, b"a = " + b"[" * DEEP, b"[" * DEEP + b"]" * DEEP))
    return chance.choice((nest, data + nest, data + b"\n" + nest + b"\n"))


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a document with each of its keys."""
    if isinstance(document, dict | list):
        for key in document if isinstance(document, dict) else range(min(len(document), 5)):
            yield document, key
            yield from places(document[key])


def odd_value(document: Any, chance: Random) -> Any:
    """Give one value of a document an odd one, or lose it."""
    container, key = chance.choice(list(places(document)))
    if chance.random() < 0.2:
        del container[key]
    elif isinstance(container[key], str) and container[key].startswith("{") and chance.random() < 0.8:
        container[key] = json.dumps(odd_value(json.loads(container[key]), chance))
    else:
        container[key] = chance.choice(ODD_VALUES)
    return document


def node(data: bytes, chance: Random) -> bytes:
    """Change a JSON document's value."""
    return json.dumps(odd_value(json.loads(data), chance)).encode()


def line_node(data: bytes, chance: Random) -> bytes:
    """Change a value in one line's JSON object."""
    each = data.split(b"\n")
    index = chance.choice([at for at, line in enumerate(each) if line.strip()])
    each[index] = node(each[index], chance)
    return b"\n".join(each)


def tensors_header(change: Callable[[bytes, Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """Return a mutation of a safetensors file's header that keeps its length right."""

    def mutation(data: bytes, chance: Random) -> bytes:
        end = 8 + int.from_bytes(data[:8], "little")
        header = change(data[8:end], chance)
        return len(header).to_bytes(8, "little") + header + data[end:]

    return mutation


def metadata(data: bytes, chance: Random) -> bytes:
    """Change what a safetensors file's header says of the network: nothing guards that by a checksum."""
    header = json.loads(data)
    stated = header["__metadata__"]
    if chance.random() < 0.3:
        odd_value(stated, chance)
    else:
        config = json.loads(stated["config"])
        key = chance.choice(sorted(config))
        config[key] = chance.choice((*ODD_VALUES, 10**7, 10**5, 2**20, 0, -1))
        stated["config"] = json.dumps(config)
    return json.dumps(header).encode()


def header_length(data: bytes, chance: Random) -> bytes:
    """Let the length of a safetensors file's header lie."""
    return extreme(8, "<", chance) + data[8:]


def radiance_header(change: Callable[[bytes, Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """Return a mutation of the text before a Radiance file's pixels."""

    def mutation(data: bytes, chance: Random) -> bytes:
        end = data.index(b"\n", data.index(b"\n\n") + 2)
        return b"#?RADIANCE" + change(data[10:end], chance) + data[end:]

    return mutation


def radiance_line(data: bytes, chance: Random) -> bytes:
    """Insert a line that says something odd."""
    at = data.index(b"\n") + 1
    return data[:at] + chance.choice(ODD_LINES) + b"\n" + data[at:]


def radiance_pixels(data: bytes, chance: Random) -> bytes:
    """Damage the pixels."""
    at = data.index(b"\n", data.index(b"\n\n") + 2) + 1
    return data[:at] + some_bytes(data[at:], chance)


TEXT = {"word": word, "lines": lines, "odd text": odd_text, "deep": deep}
JSON = {"JSON value": node}
JSON_LINES = {"JSON value": line_node, "JSON value, one more": line_node}
SAFETENSORS = {
    "safetensors value": tensors_header(node), "safetensors metadata": tensors_header(metadata),
    "safetensors metadata, one more": tensors_header(metadata),
    "safetensors word": tensors_header(word), "safetensors bytes": tensors_header(some_bytes),
    "safetensors length": header_length,
}  # fmt: skip
HDR = {
    "Radiance word": radiance_header(word), "Radiance header": radiance_header(lines), "Radiance line": radiance_line,
    "Radiance pixels": radiance_pixels, "Radiance odd text": radiance_header(odd_text),
}  # fmt: skip
