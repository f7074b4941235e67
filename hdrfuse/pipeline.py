"""The one path from a bracket to a picture, which every command takes."""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse import __version__
from hdrfuse.formats import Capture, RadianceFacts
from hdrfuse.imaging.agreement import Tolerance
from hdrfuse.imaging.bracket import Bracket, Frame
from hdrfuse.imaging.calibration import (
    BRIGHTER_RANGE,
    Calibration,
    Pairs,
    calibrate,
    gains_for,
    match_histograms,
    match_places,
    median_error,
)
from hdrfuse.imaging.color import luminance, srgb_encode
from hdrfuse.imaging.debevec import debevec1997
from hdrfuse.imaging.ghosts import Ghosts, find_ghosts
from hdrfuse.imaging.matching import working_scale
from hdrfuse.imaging.merging import enlarge_rows, merge
from hdrfuse.imaging.radiometry import Exposed, NoiseModel, estimate_noise
from hdrfuse.imaging.registration import Registration, register
from hdrfuse.imaging.response import KNOWN_CURVES, ResponseCurve, load_response
from hdrfuse.imaging.warping import resampling_loss, warp
from hdrfuse.options import MergeOptions, check_options

__all__ = ["MergeOptions", "Merged", "Progress", "check_options", "merge_bracket", "peak_memory_mb"]

GHOST_PIXELS = 2_000_000
"""Frames above this are averaged over 2 x 2 pixels and more before they are searched for ghosts."""

CALIBRATION_SIDE = 640
"""Longer side to which registered frames are averaged before their tones are compared."""

LARGEST_NOISE = 0.12
"""Noise, as a share of the exposure, that a pixel may have to count in the calibration."""

KNOWN_CURVE_TOLERANCE = 0.02
"""Share of the radiance that frames of an exactly known curve may differ by."""

KNOWN_HIGHLIGHTS, FITTED_HIGHLIGHTS = 0.05, 0.25
"""Share of white by which a darker frame may fall short where the reference clips."""

REGISTERED_PX, STILL_PX = 0.25, 0.1
"""Standard deviation of what registration leaves, for resampled frames and for frames that lie still."""

Progress = Callable[[str, float], None]
"""Called with the stage's name and the share of the whole that is done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Merged:
    """A merged bracket."""

    radiance: NDArray[np.float32]
    """(H, W, 3) linear, scene-referred; 1.0 = the reference frame's white, highlights lie above; never negative."""
    ghosts: Ghosts
    frames: tuple[Exposed, ...]
    """The calibrated, registered frames, darkest first."""
    metadata: RadianceFacts
    report: dict[str, Any]
    """What was read, found and done; plain types, ready for JSON."""
    curve: ResponseCurve | None
    """The response curve that was undone; None for linear frames."""
    exif: bytes | None = field(default=None, repr=False)
    """The reference's EXIF block."""

    @property
    def ghost_map(self) -> NDArray[np.float32]:
        """(H, W) 0 where all frames agree with the reference, 1 where one shows something else."""
        shape = self.radiance.shape[:2]
        least = np.min([*self.ghosts.consistency, 1.0 - self.ghosts.unknown], axis=0)
        return 1.0 - enlarge_rows(np.asarray(least, np.float32), shape, slice(0, shape[0]))


def merge_bracket(bracket: Bracket, options: MergeOptions | None = None, *, progress: Progress | None = None) -> Merged:
    """Calibrate, register and merge a bracket.

    Raises UsageError for options that make no sense, WeightsError where the network is asked for without weights.
    """
    options = options or MergeOptions()
    check_options(options)
    clock = _Clock(progress)
    warnings = list(bracket.warnings)
    reference = bracket.reference
    with clock.stage("calibrating", 0.05):
        samples = [frame.encoded_samples() for frame in bracket.frames]
        evs = bracket.relative_evs
        floors = [_noise_floor(frame) for frame in bracket.frames]
        matches = match_histograms(samples, evs, floors)
        calibration = _calibration(bracket, options, matches)
    with clock.stage("registering", 0.15):
        frames = _exposed(bracket, calibration)
        registrations = _register(frames, reference) if options.align else []
        warnings += [
            f"{frame.name}: {found.warning}"
            for frame, found in zip(bracket.frames, registrations, strict=False)
            if found.warning
        ]
    with clock.stage("resampling", 0.3):
        if registrations:
            frames = _resampled(frames, registrations)
    with clock.stage("calibrating registered frames", 0.4):
        moved = any(frame.valid is not None for frame in frames)
        if moved or calibration.curve.name not in KNOWN_CURVES or any(calibration.gains_ev):
            matches = _registered_matches(frames, evs, floors) or matches
            calibration = _calibration(bracket, options, matches)
        warnings += calibration.warnings
        frames = _recalibrated(frames, bracket, calibration)
    with clock.stage("looking for ghosts", 0.65):
        factor = int(np.ceil(np.sqrt(max(1.0, bracket.frames[0].pixels[..., 0].size / GHOST_PIXELS))))
        tolerance = _tolerances(bracket, calibration, registrations)
        ghosts = find_ghosts([frame.reduced(factor) for frame in frames], reference, tolerance)
    with clock.stage("merging", 1.0):
        radiance = merge(frames, reference, ghosts)
    report = _report(bracket, options, calibration, registrations, ghosts, frames, warnings)
    report["seconds"] = clock.seconds
    report["peak_memory_mb"] = peak_memory_mb()
    return Merged(
        radiance=radiance,
        ghosts=ghosts,
        frames=tuple(frames),
        metadata=_facts(bracket, options),
        report=report,
        curve=None if bracket.frames[0].linear else calibration.curve,
        exif=bracket.frames[reference].exif,
    )


def _calibration(bracket: Bracket, options: MergeOptions, matches: Sequence[Pairs]) -> Calibration:
    """The curve that the options ask for, with the gains and the error that it leaves."""
    count, reference = len(bracket.frames), bracket.reference
    if options.response == "auto" and not bracket.frames[0].linear:
        return calibrate(matches, count, reference)
    warnings: tuple[str, ...] = ()
    if bracket.frames[0].linear:
        curve = KNOWN_CURVES["linear"]()
        if str(options.response) not in ("auto", "linear"):
            warnings = (f"the frames are linear: --response {options.response} is not used",)
    elif options.response == "debevec":
        curve = debevec1997(matches, bracket.relative_evs)
    elif str(options.response) in KNOWN_CURVES:
        curve = KNOWN_CURVES[str(options.response)]()
    else:
        curve = load_response(Path(options.response))
    gains = gains_for(curve, matches, count, reference)
    return Calibration(
        curve=curve,
        gains_ev=tuple(float(gain) for gain in gains),
        residual_ev=median_error(curve, matches, gains),
        srgb_residual_ev=median_error(KNOWN_CURVES["srgb"](), matches, np.zeros(count)),
        warnings=warnings,
    )


def _exposed(bracket: Bracket, calibration: Calibration) -> list[Exposed]:
    frames = []
    for frame, gain in zip(bracket.frames, calibration.gains_ev, strict=True):
        curve = None if frame.linear else calibration.curve
        frames.append(
            Exposed(
                pixels=frame.pixels,
                lookup=None if curve is None else curve.lookup(frame.pixels.dtype),
                white=frame.white,
                ev=frame.ev - bracket.frames[bracket.reference].ev + gain,
                noise=estimate_noise(frame.pixels, curve, frame.white),
                toe=0.0 if curve is None or curve.name in KNOWN_CURVES else _toe(curve),
            )
        )
    return frames


def _noise_floor(frame: Frame) -> float:
    """Encoded value, as a share of white, below which a frame is mostly noise; by the sRGB curve if it has one."""
    curve = None if frame.linear else KNOWN_CURVES["srgb"]()
    noise = estimate_noise(frame.pixels, curve, frame.white)
    # shot x + read = (LARGEST_NOISE x)^2
    square = LARGEST_NOISE**2
    exposure = (noise.shot + np.sqrt(noise.shot**2 + 4.0 * square * noise.read)) / (2.0 * square)
    return float(exposure) if curve is None else float(srgb_encode(np.asarray(min(exposure, 1.0))))


def _toe(curve: ResponseCurve) -> float:
    """Exposure at the darkest value that calibration looks at."""
    return float(np.mean(curve(np.full((1, 3), BRIGHTER_RANGE[0]))))


def _register(frames: Sequence[Exposed], reference: int) -> list[Registration]:
    height, width = frames[0].pixels.shape[:2]
    factor = max(1, round(1.0 / working_scale(height, width)))
    planes = [luminance(frame.reduced(factor).exposure()) for frame in frames]
    found = register(planes, [frame.ev for frame in frames], reference)
    small = planes[0].shape
    return [each if factor == 1 else each.enlarged(*small, to=(height, width)) for each in found]


def _resampled(frames: Sequence[Exposed], registrations: Sequence[Registration]) -> list[Exposed]:
    resampled = []
    for frame, registration in zip(frames, registrations, strict=True):
        if registration.model == "identity":
            resampled.append(frame)
            continue
        warped = warp(frame.pixels, registration, white=frame.white)
        integer = np.issubdtype(warped.pixels.dtype, np.integer)
        white = float(np.iinfo(warped.pixels.dtype).max) if integer else frame.white
        loss = resampling_loss(registration, warped.pixels.shape[:2])
        noise = NoiseModel(shot=frame.noise.shot * loss.noise_gain, read=frame.noise.read * loss.noise_gain)
        resampled.append(
            replace(
                frame,
                pixels=warped.pixels,
                valid=warped.valid,
                spoiled=warped.spoiled,
                white=white,
                noise=noise,
                detail_loss=loss.detail_loss,
            )
        )
    return resampled


def _recalibrated(frames: Sequence[Exposed], bracket: Bracket, calibration: Calibration) -> list[Exposed]:
    """The registered frames under the final curve; noise is measured on the frames as they were taken."""
    recalibrated = []
    for old, new in zip(frames, _exposed(bracket, calibration), strict=True):
        if old.valid is None:
            recalibrated.append(new)
            continue
        lookup = None if new.lookup is None else calibration.curve.lookup(old.pixels.dtype)
        recalibrated.append(replace(old, lookup=lookup, ev=new.ev, toe=new.toe))
    return recalibrated


def _registered_matches(frames: Sequence[Exposed], evs: Sequence[float], floors: Sequence[float]) -> list[Pairs]:
    """Pairs of the same places of registered frames; empty where some neighbours share too few."""
    height, width = frames[0].pixels.shape[:2]
    scale = min(1.0, CALIBRATION_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    samples, valid = [], []
    for frame in frames:
        white = frame.white if np.isfinite(frame.white) else float(frame.pixels.max())
        small = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        samples.append(small / np.float32(white))
        inside = np.ones(size[::-1], np.bool_)
        if frame.valid is not None:
            usable = frame.valid & ~frame.spoiled if frame.spoiled is not None else frame.valid
            inside = cv2.resize(usable.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 250
        valid.append(inside)
    matches = match_places(samples, valid, evs, floors)
    return matches if all(len(pairs.dark) >= 200 for pairs in matches) else []


def _tolerances(bracket: Bracket, calibration: Calibration, registrations: Sequence[Registration]) -> list[Tolerance]:
    """What each frame may differ by from the reference without motion."""
    exact = bracket.frames[0].linear or calibration.curve.name in KNOWN_CURVES
    tolerances = []
    for index in range(len(bracket.frames)):
        links = abs(index - bracket.reference)
        smooth = 0.5 * np.log(2.0) * np.nan_to_num(calibration.residual_ev, nan=0.1) * np.sqrt(max(links, 1))
        moved = bool(registrations) and registrations[index].model != "identity"
        tolerances.append(
            Tolerance(
                relative=KNOWN_CURVE_TOLERANCE + (0.0 if exact else float(smooth)),
                highlights=KNOWN_HIGHLIGHTS if exact else FITTED_HIGHLIGHTS,
                crosstalk=not exact,
                misregistration_px=REGISTERED_PX if moved else STILL_PX,
            )
        )
    return tolerances


def _facts(bracket: Bracket, options: MergeOptions) -> RadianceFacts:
    frame = bracket.frames[bracket.reference]
    return RadianceFacts(
        chromaticities=bracket.chromaticities,
        capture=frame.capture,
        white_luminance_cd_m2=white_luminance(frame.capture),
        provenance={
            "version": __version__,
            "method": options.method,
            "evs": ", ".join(f"{ev:+.2f}" for ev in bracket.relative_evs),
            "reference": frame.name,
            "seed": str(options.seed),
        },
    )


def white_luminance(capture: Capture) -> float | None:
    """Scene luminance in cd/m2 of the frame's white, by ISO 12232's saturation speed: L = 78 / (ISO t) * N^2 / q.

    q = 0.65 (lens transmission and vignetting). None where time, aperture or ISO are unknown.
    """
    if not (capture.exposure_time_s and capture.f_number and capture.iso):
        return None
    focal_plane_exposure = 78.0 / capture.iso
    return focal_plane_exposure * capture.f_number**2 / (0.65 * capture.exposure_time_s)


def _report(
    bracket: Bracket, options: MergeOptions, calibration: Calibration, registrations: Sequence[Registration],
    ghosts: Ghosts, frames: Sequence[Exposed], warnings: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    height, width = frames[0].pixels.shape[:2]
    inputs = []
    for index, (frame, exposed) in enumerate(zip(bracket.frames, frames, strict=True)):
        entry: dict[str, Any] = {
            "name": frame.name,
            "ev": round(frame.ev, 4),
            "ev_source": frame.ev_source,
            "gain_ev": round(calibration.gains_ev[index], 4),
            "noise": {"shot": exposed.noise.shot, "read": exposed.noise.read},
            "ghost_fraction": round(float(np.mean(ghosts.consistency[index] < 0.5)), 5),
        }
        if registrations:
            found = registrations[index]
            entry["shift_px"] = round(found.shift_px, 3)
            entry["registration"] = found.model
        inputs.append(entry)
    return {
        "method": options.method,
        "size": [width, height],
        "inputs": inputs,
        "reference": {"index": bracket.reference, "name": bracket.frames[bracket.reference].name},
        "response": {
            "curve": "linear" if bracket.frames[0].linear else calibration.curve.name,
            "residual_ev": _number(calibration.residual_ev),
            "srgb_residual_ev": None if bracket.frames[0].linear else _number(calibration.srgb_residual_ev),
        },
        "ghost_fraction": round(ghosts.fraction, 5),
        "filled_fraction": round(float(np.mean(ghosts.unknown > 0.5)), 5),
        "tiles": None,
        "warnings": list(warnings),
    }


def _number(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


class _Clock:
    """Seconds a stage, and the progress of the whole."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.done = 0.0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, done_after: float) -> Iterator[None]:
        started = time.perf_counter()
        if self.progress is not None:
            self.progress(name, self.done)
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)
        self.done = done_after
        if self.progress is not None:
            self.progress(name, done_after)
