"""Exposures that file names state: "beach_-2EV", "ev+1", "sea_-0,7EV", "roof_-1_3EV", "minus2ev".

A number is read with all that stands before it, or not at all: a lost sign is a bracket turned round.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from pathlib import Path

SIGNS = {"-": -1, "minus": -1, "neg": -1, "negative": -1, "+": 1, "plus": 1, "pos": 1, "positive": 1}

_WORD = r"(?<![^\W\d_])(?:minus|negative|neg|plus|positive|pos)"
_SIGN = rf"(?P<sign>[-+]|{_WORD}[ _]?)?"
_NUMBER = r"(?<![\d.,])(?P<number>\d{1,2}(?:[.,p]\d{1,4})?)"
_FRACTION = r"(?<![\d.,])(?P<numerator>[1-9]\d?)(?P<slash>[_/-])(?P<denominator>[23])"
_TOKEN = re.compile(r"(?<![^\W\d_])ev(?![^\W\d_])")
_BEFORE = re.compile(rf"{_SIGN}(?:{_FRACTION}|{_NUMBER})(?P<gap>\s*)$")
_AFTER = re.compile(rf"(?P<gap>[_\s=]?){_SIGN}(?:{_FRACTION.replace('_/-', '/')}|{_NUMBER})")
_ENDS_IN_NUMBER = re.compile(r"\d(?P<gap>\s*)$")
_BEGINS_WITH_NUMBER = re.compile(r"(?P<gap>[_\s=]?)[-+]?[.,]?\d")
_GOES_ON = re.compile(r"[^\W_]|[.,]\d|/")
_MAY_BE_THIRDS = re.compile(r"[_-][23](?!\d)")
_ENDS_IN_SIGN = re.compile(rf"(?:[-+/]|{_WORD})[_\s]*$")
_ENDS_IN_SHORT_NUMBER = re.compile(r"(?<!\d)\d{1,2}$")


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A number beside "EV"."""

    ev: float | None
    """None where it can be read in several ways."""
    span: tuple[int, int]
    gap: bool
    signed: bool


def ev_of_name(path: Path) -> float | None:
    """EV that a file's name states, or None where it states none or can be read in several ways."""
    readings = _readings(_plain(path.stem))
    evs = {reading.ev for reading in readings}
    return evs.pop() if len(evs) == 1 else None


def wording_without_ev(path: Path) -> str:
    """A file's name in lower case, without the EV that it states."""
    name = _plain(path.stem)
    for reading in reversed(_readings(name)):
        name = name[: reading.span[0]] + name[reading.span[1] :]
    return name


def _readings(name: str) -> list[_Reading]:
    readings = (_reading(name, token) for token in _TOKEN.finditer(name))
    return [reading for reading in readings if reading is not None]


def _plain(stem: str) -> str:
    """Lower case in compatible characters, with hyphens for all dashes and minuses; "1½" does not become 11/2."""
    if stem.isascii():
        return stem.casefold()
    apart = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", ",", stem)
    return "".join(_as_typed(character) for character in unicodedata.normalize("NFKC", apart).casefold())


def _as_typed(character: str) -> str:
    if unicodedata.category(character) == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    return "/" if character in "\N{FRACTION SLASH}\N{DIVISION SLASH}" else character


def _reading(name: str, token: re.Match[str]) -> _Reading | None:
    """What is meant by the numbers on both sides of an "EV"."""
    before, after = _before(name[: token.start()]), _after(name, token.end())
    if before is None or after is None:
        return before or after
    if before.gap and after.signed:
        return after
    if after.gap:
        return before
    return _Reading(ev=None, span=(before.span[0], after.span[1]), gap=False, signed=False)


def _before(text: str) -> _Reading | None:
    match = _BEFORE.search(text)
    if match is None:
        end = _ENDS_IN_NUMBER.search(text)
        return end and _Reading(ev=None, span=(end.start(), len(text)), gap=bool(end["gap"]), signed=False)
    left = text[: match.start()]
    apart = not left or left[-1].isspace() or left[-1] in "_([{="
    clear = not _ENDS_IN_SIGN.search(left)
    value = _value(match)
    if match["sign"] in ("-", "+"):
        clear &= _ENDS_IN_SHORT_NUMBER.search(left) is None
    elif not match["sign"]:
        clear &= apart
    if match["slash"] in ("_", "-"):
        if match["sign"]:  # of a name such as set-4_3EV the sign is not sure
            clear &= apart and gcd(int(match["numerator"]), int(match["denominator"])) == 1
        else:  # of 4_3EV the 4 may be a counter
            clear &= match["slash"] == "_" and len(match["numerator"]) > 1
            value = float(match["denominator"])
    return _Reading(ev=value if clear else None, span=match.span(), gap=bool(match["gap"]), signed=bool(match["sign"]))


def _after(name: str, start: int) -> _Reading | None:
    match = _AFTER.match(name, start)
    if match is None:
        begin = _BEGINS_WITH_NUMBER.match(name, start)
        return begin and _Reading(ev=None, span=begin.span(), gap=bool(begin["gap"]), signed=False)
    right = name[match.end() :]
    clear = _GOES_ON.match(right) is None
    if match["number"] and len(match["number"]) == 1:
        clear &= _MAY_BE_THIRDS.match(right) is None
    return _Reading(
        ev=_value(match) if clear else None, span=match.span(), gap=bool(match["gap"]), signed=bool(match["sign"])
    )


def _value(match: re.Match[str]) -> float:
    sign = SIGNS[match["sign"].rstrip(" _")] if match["sign"] else 1
    if match["number"]:
        return sign * float(match["number"].replace(",", ".").replace("p", "."))
    return float(sign * Fraction(int(match["numerator"]), int(match["denominator"])))
