"""Exposures of a bracket's frames, in EV: from the user, a text file, EXIF or file names, in this order.

Or from the pictures, where the user asks for that.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hdrfuse.brackets.named_exposure import ev_of_name
from hdrfuse.errors import ExposureError
from hdrfuse.formats import Capture, ImageHeader
from hdrfuse.formats.refusal import RefusedError
from hdrfuse.formats.text_file import read_text
from hdrfuse.text import counted, listed

GIVEN = "given"
"""Source of exposures that the user gave for this run."""

ESTIMATE: Literal["estimate"] = "estimate"
"""What the user gives to have exposures estimated from the pictures; the source of those that are."""

GivenExposures = Sequence[float] | Literal["estimate"]
"""EVs in the order of the files, or ESTIMATE."""

EQUAL_EV = 0.01
"""Exposures closer than this are the same exposure."""

ALIKE_EV = 0.35
"""Exposures that are told alike differ by less over a bracket: EXIF rounds each time by a sixth of a stop at most."""

MAX_ABS_EV = 60.0
"""Beyond this no photograph was ever exposed; a typo in a text file may well be."""

MOST_LISTED = 4
"""Files that a message lists."""

HOW_TO_GIVE = "give them with --exposures or in exposure.txt, one EV a line in the files' natural order"
OR_ESTIMATE = "or have them estimated from the pictures with --exposures estimate"

INTERVAL_SHARE = 0.9
"""Of the brackets whose exposures lie in an interval that is stated."""
INTERVAL_SIGMAS = 1.645
"""Half the width of that share of a normal distribution, in standard deviations."""


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What is not known of an estimated EV."""

    factors: tuple[float, float]
    """What true differences of EV may be of the estimated ones, alike for all frames: least and most."""
    variance: float
    """Of the EV's difference to the darkest frame's besides, in EV squared; it adds up step by step."""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How much light a frame gathered, relative to the others, and where that is known from."""

    ev: float
    source: str
    uncertainty: Uncertainty | None = None
    """Of estimates; None for what is stated."""

    def interval_ev(self, reference: "Exposure") -> tuple[float, float] | None:
        """Where the EV above a reference's lies in INTERVAL_SHARE of the brackets; None for what is stated."""
        if self.uncertainty is None or reference.uncertainty is None:
            return None
        ev = self.ev - reference.ev
        least, most = sorted(factor * ev for factor in self.uncertainty.factors)
        noise = INTERVAL_SIGMAS * math.sqrt(abs(self.uncertainty.variance - reference.uncertainty.variance))
        return ev - math.hypot(ev - least, noise), ev + math.hypot(most - ev, noise)


def infer_exposures(
    headers: Sequence[ImageHeader],
    *,
    given: GivenExposures | None = None,
    given_by: str = GIVEN,
    folder: Path | None = None,
) -> tuple[list[Exposure], list[str]]:
    """Exposure of each file, in the order of the files, and warnings.

    `given_by` names the text file that the given ones were read from, if the user did not give them. Those to be
    estimated are all 0 until the pictures are read. Raises ExposureError where they are missing, equal, not numbers,
    or of another count than the files.
    """
    if isinstance(given, str):
        return [Exposure(ev=0.0, source=ESTIMATE) for _ in headers], []
    if given is not None:
        option = "--exposures" if given_by == GIVEN else given_by
        where = f"{option} {_joined(given)}"
        return _check_evs(list(given), given_by, headers, where), _doubts(given, option, headers)
    if folder is not None and (text_file := exposure_file(folder)) is not None:
        evs = read_exposure_file(text_file, expected=len(headers))
        return _check_evs(evs, text_file.name, headers, str(text_file)), _doubts(evs, text_file.name, headers)
    files = listed([header.path.name for header in headers], MOST_LISTED)
    if (stated := _stated_by_files(headers)) is not None:
        evs, source, warnings = stated
        return _check_evs(evs, source, headers, f"{source} of {files}"), warnings
    without_time = [header.path.name for header in headers if not header.capture.exposure_time_s]
    place = folder or headers[0].path.parent
    raise ExposureError(
        f"{place}: no exposure time in {listed(without_time, MOST_LISTED)}: {HOW_TO_GIVE}, {OR_ESTIMATE}"
    )


def _stated_by_files(headers: Sequence[ImageHeader]) -> tuple[list[float], str, list[str]] | None:
    """EV of each file by what the files say of themselves, where they say it, and warnings; None where they do not."""
    captures = [header.capture for header in headers]
    beside_times = {
        source: [ev for ev in evs if ev is not None]
        for source, evs in (
            ("EXIF bias", [capture.exposure_bias_ev for capture in captures]),
            ("file name", [ev_of_name(header.path) for header in headers]),
        )
        if None not in evs
    }
    differing = next((source for source, evs in beside_times.items() if _differ(evs)), None)
    if all(capture.exposure_time_s for capture in captures):
        evs, warnings = _evs_of_times(captures)
        if differing is None or _differ(evs):
            return evs, "EXIF", warnings
        warnings.append(f"EXIF states the same exposure for every frame: each {differing} is taken instead")
        return beside_times[differing], differing, warnings
    source = differing or ("file name" if "file name" in beside_times else None)
    return None if source is None else (beside_times[source], source, [])


def _doubts(evs: Sequence[float], given_by: str, headers: Sequence[ImageHeader]) -> list[str]:
    """Warn where files state other steps than what goes before them; which order is right, the pictures show."""
    stated = _stated_by_files(headers)
    if stated is None or not _differ(stated[0]):
        return []
    by_files, source, _ = stated
    apart = [given - told for given, told in zip(sorted(evs), sorted(by_files), strict=True)]
    if max(apart) - min(apart) <= ALIKE_EV:
        return []
    middle = statistics.median(apart)
    told = _joined([round(ev + middle, 1) + 0.0 for ev in by_files])
    return [f"{given_by} {_joined(evs)}: {source} states {told}; {given_by} goes before {source} and is taken"]


def _joined(evs: Sequence[float]) -> str:
    """EVs as `--exposures` takes them."""
    return ",".join(f"{ev:g}" for ev in evs)


def parse_exposures(text: str) -> GivenExposures:
    """What `--exposures` says: EVs, e.g. "-2,0,2", or ESTIMATE; ExposureError says which is none."""
    return ESTIMATE if text == ESTIMATE else parse_evs(text)


def parse_evs(text: str) -> list[float]:
    """EVs as text, e.g. "-2,0,2"; ExposureError says which is none."""
    evs = []
    for part in text.split(","):
        try:
            evs.append(float(part))
        except ValueError:
            message = f"--exposures {text}: {part.strip()!r} is not an EV; numbers such as -2,0,2 were expected"
            raise ExposureError(message) from None
        _check_number(evs[-1], f"--exposures {text}")
    return evs


def read_exposure_file(path: Path, *, expected: int) -> list[float]:
    """EVs of an exposure.txt: one a line, blank lines tolerated; ExposureError names file and line."""
    evs = listed_evs(path)
    if len(evs) != expected:
        raise ExposureError(
            f"{path}: {counted(len(evs), 'EV')} for {counted(expected, 'image')}; one EV a line for each is needed"
        )
    return evs


def listed_evs(path: Path) -> list[float]:
    """EVs of a text file, however many: one a line, blank lines tolerated; ExposureError names file and line."""
    try:
        lines = read_text(path, encoding="utf-8-sig").splitlines()
    except RefusedError as error:
        raise ExposureError(f"{path}: {error}, one EV a line") from error
    except OSError as error:
        raise ExposureError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExposureError(f"{path}: not a readable text file ({error})") from error
    evs = []
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            try:
                evs.append(float(text))
            except ValueError:
                raise ExposureError(f"{path}, line {number}: {text[:40]!r} is not an EV") from None
            _check_number(evs[-1], f"{path}, line {number}")
    return evs


def exposure_file(folder: Path) -> Path | None:
    """Text file of a folder that states its exposures, None if there is none."""
    for name in ("exposure.txt", "Exposure.txt", "exposures.txt"):
        if (folder / name).exists() and not (folder / name).is_dir():
            return folder / name
    return None


def _evs_of_times(captures: Sequence[Capture]) -> tuple[list[float], list[str]]:
    """EV = log2(t ISO / N^2); what some frames lack is taken as constant."""
    warnings = []
    use = {}
    for name, values in {
        "ISO": [capture.iso for capture in captures],
        "f-number": [capture.f_number for capture in captures],
    }.items():
        use[name] = all(values)
        if any(values) and not all(values) and len({value for value in values if value}) > 1:
            warnings.append(f"{name} changes but some frames do not state it: taken as constant")
    evs = []
    for capture in captures:
        ev = math.log2(capture.exposure_time_s or 1.0)
        if use["ISO"]:
            ev += math.log2((capture.iso or 100.0) / 100.0)
        if use["f-number"]:
            ev -= 2.0 * math.log2(capture.f_number or 1.0)
        evs.append(ev)
    return evs, warnings


def _check_evs(evs: list[float], source: str, headers: Sequence[ImageHeader], where: str) -> list[Exposure]:
    if len(evs) != len(headers):
        raise ExposureError(f"{where}: {counted(len(evs), 'EV')} for {counted(len(headers), 'image')}")
    for ev in evs:
        _check_number(ev, where)
    if not _differ(evs):
        raise ExposureError(
            f"{where}: all {len(evs)} exposures are equal ({evs[0]:+.2f} EV); "
            f"a bracket needs different ones: {HOW_TO_GIVE}, {OR_ESTIMATE}"
        )
    return [Exposure(ev=float(ev), source=source) for ev in evs]


def _differ(evs: Sequence[float]) -> bool:
    return max(evs) - min(evs) >= EQUAL_EV


def _check_number(ev: float, where: str) -> None:
    if not math.isfinite(ev) or abs(ev) > MAX_ABS_EV:
        raise ExposureError(f"{where}: {ev} is not an EV between {-MAX_ABS_EV:g} and {MAX_ABS_EV:g}")
