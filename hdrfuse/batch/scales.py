"""Scales: brackets of equal exposures whose results differ in brightness, as views of a panorama must not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from hdrfuse.formats import Capture
from hdrfuse.merge_report import MergeReport
from hdrfuse.report import quantities
from hdrfuse.text import listed

Settings = tuple[float | None, float | None, float | None]
"""Exposure time in seconds, f-number and ISO of a frame."""

SIGNIFICANT = 4
"""Digits by which settings are told apart; files of one camera round them alike."""

MOST_NAMES = 4


def differing_scales(reports: Iterable[tuple[str, MergeReport]]) -> list[str]:
    """Say which scenes have the very same exposures and came out on different scales, a line for each such set.

    `reports` are scenes' names with their merges' reports. 1.0 is the white of the reference, so results of
    references of unlike exposures differ by their ratio.
    """
    scales: dict[tuple[Settings, ...], dict[Settings, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, report in reports:
        exposures = [_settings(frame.capture) for frame in report.frames]
        known = [each for each in exposures if each is not None]
        reference = exposures[report.reference]
        if len(known) == len(exposures) and reference is not None:
            scales[tuple(sorted(known, key=repr))][reference].append(name)
    return [
        _warning(by_reference, len(exposures)) for exposures, by_reference in scales.items() if len(by_reference) > 1
    ]


def _settings(capture: Capture) -> Settings | None:
    """What the camera wrote; None without a time."""
    if capture.exposure_time_s is None:
        return None
    return _round(capture.exposure_time_s), _round(capture.f_number), _round(capture.iso)


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{SIGNIFICANT}g}")


def _warning(by_reference: Mapping[Settings, list[str]], frames: int) -> str:
    scenes = "; ".join(
        f"{listed(names, MOST_NAMES)} on that of {_describe(reference)}" for reference, names in by_reference.items()
    )
    return (
        f"brackets of equal exposures came out on different scales, as 1.0 is the reference's white: {scenes}; "
        f"for views of one panorama give --reference {(frames - 1) // 2}, one exposure for all"
    )


def _describe(settings: Settings) -> str:
    """1/60 s f/8 ISO 100."""
    time_s, f_number, iso = settings
    parts = [quantities.exposure_time(time_s)]
    parts += [] if f_number is None else [quantities.f_number(f_number)]
    parts += [] if iso is None else [f"ISO {iso:g}"]
    return " ".join(parts)
