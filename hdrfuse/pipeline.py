"""The one path from a bracket to a picture, which every command takes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hdrfuse import __version__
from hdrfuse.deghosting.deghoster import DeghostedRadiance, RegisteredBracket
from hdrfuse.deghosting.methods import find_method
from hdrfuse.errors import HdrfuseError
from hdrfuse.formats import Capture, RadianceFacts
from hdrfuse.imaging.bracket import Bracket
from hdrfuse.imaging.calibration.correspondences import match_histograms
from hdrfuse.imaging.calibration.fit import Calibration
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, ResponseCurve
from hdrfuse.imaging.merging.coverage import seen_by_any
from hdrfuse.imaging.merging.detection import detect_ghosts
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.merge import hold_white
from hdrfuse.imaging.merging.strips import enlarge_rows
from hdrfuse.imaging.preparation import (
    calibrate_bracket,
    calibrate_frames,
    match_registered_frames,
    noise_floor,
    recalibrate_frames,
    register_frames,
    resample_frames,
    tolerances,
)
from hdrfuse.imaging.radiometry import CalibratedFrame
from hdrfuse.imaging.registration.register import Registration
from hdrfuse.merge_report import FrameReport, MergeReport, NetworkReport, ResponseReport
from hdrfuse.options import MergeOptions, check_options
from hdrfuse.progress import Clock, Progress, peak_memory_mb

__all__ = ["MergeOptions", "Merged", "Progress", "check_options", "merge_bracket", "peak_memory_mb"]

MOSTLY_REJECTED = 0.5
"""Share of a frame from which its rejection is worth a warning: people, water and trees seldom take up as much."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Merged:
    """A merged bracket."""

    radiance: NDArray[np.float32]
    """(H, W, 3) linear, scene-referred; 1.0 = the reference frame's white, highlights lie above; never negative.

    0 where no frame has data: frames may be transparent in places. Of scene-referred floats, which have no white, 1.0
    is the reference's own.
    """
    ghosts: Ghosts
    frames: tuple[CalibratedFrame, ...]
    """The calibrated, registered frames, darkest first."""
    unit: float = 1.0
    """Radiance of what the frames call 1.0."""
    metadata: RadianceFacts
    report: MergeReport
    """What was read, found and done; `as_json()` gives plain types."""
    curve: ResponseCurve | None
    """The response curve that was undone; None for linear frames."""
    exif: bytes | None = field(default=None, repr=False)
    """The reference's EXIF block."""

    @property
    def ghost_map(self) -> NDArray[np.float32]:
        """(H, W) 0 where all frames agree with the reference, 1 where one shows something else."""
        shape = self.radiance.shape[:2]
        least = np.min([*self.ghosts.consistency, 1.0 - self.ghosts.occluded_highlight_mask], axis=0)
        return 1.0 - enlarge_rows(np.asarray(least, np.float32), shape, slice(0, shape[0]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A calibrated bracket whose frames lie on the reference."""

    bracket: Bracket
    frames: Sequence[CalibratedFrame]
    """Calibrated and registered."""
    calibration: Calibration
    registrations: Sequence[Registration]
    """Empty where the camera's motion is not undone."""
    warnings: Sequence[str]

    def registered(self) -> RegisteredBracket:
        """What a method is given, ghosts found."""
        tolerance = tolerances(self.bracket, self.calibration, self.registrations)
        return RegisteredBracket(
            frames=self.frames,
            names=[frame.name for frame in self.bracket.frames],
            reference=self.bracket.reference,
            detection=detect_ghosts(self.frames, self.bracket.reference, tolerance),
            tolerance=tolerance,
        )


def merge_bracket(bracket: Bracket, options: MergeOptions | None = None, *, progress: Progress | None = None) -> Merged:
    """Calibrate, register and merge a bracket.

    Raises UsageError for options that make no sense, BracketError for a number of frames that the method does not
    take, DeviceError for a device or precision that is not there, WeightsError for weights that are not there or
    damaged, MemoryError where the smallest tiles do not fit.
    """
    options = options or MergeOptions()
    check_options(options)
    method = find_method(options.method)
    method.check_frames(len(bracket.frames))
    deghoster = method.deghoster()
    clock = Clock(progress)
    prepared = prepare_bracket(bracket, options, clock, share=method.preparation)
    with ThreadPoolExecutor(max_workers=1) as beside:
        loading = beside.submit(deghoster.load, options)
        with clock.stage("looking for ghosts", method.preparation):
            registered = prepared.registered()
    deghosted = deghoster.merge(registered, options, loading.result(), clock)
    return _merged(prepared, registered.detection.ghosts, deghosted, options, clock)


def prepare_bracket(bracket: Bracket, options: MergeOptions, clock: Clock, *, share: float = 1.0) -> Prepared:
    """Calibrate a bracket and register its frames, in stages of the clock that end below a `share` of the whole.

    Hand-held frames are calibrated twice: matched histograms of what was not registered yet may mislead.
    """
    samples = [frame.encoded_samples() for frame in bracket.frames]
    with clock.stage("calibrating", 0.05 * share):
        evs = bracket.relative_evs
        floors = [noise_floor(frame) for frame in bracket.frames]
        matches = match_histograms(samples, evs, floors, bracket.white_levels)
        calibration = calibrate_bracket(bracket, options.response, matches, gains=options.gains)
    with clock.stage("registering", 0.2 * share):
        frames = calibrate_frames(bracket, calibration)
        registrations = register_frames(frames, bracket.reference) if options.align else []
    with clock.stage("resampling", 0.45 * share):
        if registrations:
            frames = resample_frames(frames, registrations, bracket.white_levels)
    with clock.stage("calibrating registered frames", 0.6 * share):
        moved = any(frame.valid is not None for frame in frames)
        if moved or calibration.curve.name not in KNOWN_CURVES or any(calibration.gains_ev):
            matches = match_registered_frames(frames, evs, floors, bracket.white_levels) or matches
            calibration = calibrate_bracket(
                bracket, options.response, matches, gains=options.gains, earlier=calibration
            )
            frames = recalibrate_frames(frames, bracket, calibration)
    left = [
        f"{frame.name}: {registration.warning}"
        for frame, registration in zip(bracket.frames, registrations, strict=False)
        if registration.warning
    ]
    return Prepared(
        bracket=bracket, frames=frames, calibration=calibration, registrations=registrations,
        warnings=(*bracket.warnings, *left, *calibration.warnings),
    )  # fmt: skip


def _merged(
    prepared: Prepared, ghosts: Ghosts, deghosted: DeghostedRadiance, options: MergeOptions, clock: Clock
) -> Merged:  # fmt: skip
    """The result in the unit of the files, with everything that is known of it."""
    bracket, calibration, radiance = prepared.bracket, prepared.calibration, deghosted.radiance
    unseen = _finish_radiance(radiance, prepared, ghosts, options)
    height, width = radiance.shape[:2]
    warnings = (*prepared.warnings, *_rejection_warning(bracket, ghosts), *deghosted.warnings)
    report = MergeReport(
        scene=bracket.name,
        method=options.method,
        size_px=(width, height),
        frames=_frame_reports(prepared, ghosts),
        reference=bracket.reference,
        response=_response_report(bracket, calibration),
        ghost_fraction=round(ghosts.fraction, 5),
        filled_fraction=round(float(np.mean(ghosts.occluded_highlight_mask > 0.5)), 5),
        warnings=warnings,
        unseen_fraction=round(unseen, 5),
        network=deghosted.network,
        seconds=clock.seconds,
        peak_memory_mb=peak_memory_mb(),
    )
    return Merged(
        radiance=radiance,
        ghosts=ghosts,
        frames=tuple(prepared.frames),
        unit=bracket.unit,
        metadata=_facts(bracket, options, deghosted.network),
        report=report,
        curve=None if bracket.frames[0].linear else calibration.curve,
        exif=bracket.frames[bracket.reference].exif,
    )


def _finish_radiance(
    radiance: NDArray[np.float32], prepared: Prepared, ghosts: Ghosts, options: MergeOptions
) -> float:  # fmt: skip
    """Hold white, blacken what no frame has seen, apply the files' unit, in place -> share that nobody has seen.

    Raises HdrfuseError for a radiance that is no picture.
    """
    if not (np.isfinite(radiance.min()) and np.isfinite(radiance.max())):
        raise HdrfuseError(f"--method {options.method}: gave a radiance with NaN or infinity, which is no picture")
    own = prepared.frames[prepared.bracket.reference]
    if options.hold_white:
        hold_white(radiance, own, ghosts)
    seen = seen_by_any(prepared.frames)
    if seen is not None:
        radiance[~seen] = own.exposure()[~seen]  # black; the network makes something up
    if prepared.bracket.unit != 1.0:
        radiance *= np.float32(prepared.bracket.unit)
    return 0.0 if seen is None else float(np.mean(~seen))


def _rejection_warning(bracket: Bracket, ghosts: Ghosts) -> list[str]:
    """What to say of frames of which the picture holds little, if there are any."""
    lost = [
        f"{frame.name} ({share:.0%})"
        for frame, share in zip(bracket.frames, ghosts.rejected, strict=True)
        if share > MOSTLY_REJECTED
    ]
    if not lost:
        return []
    advice = "if the scene stood still, check the exposures (--exposures), the response (--response) and the alignment"
    return [f"{', '.join(lost)}: rejected over most of the frame, as if it showed something else; {advice}"]


def _facts(bracket: Bracket, options: MergeOptions, network: NetworkReport | None) -> RadianceFacts:
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
            **({"seed": str(options.seed)} if options.sample is None else {"sample": str(options.sample)}),
            **({} if network is None else {"weights": network.weights, "weights sha256": network.sha256}),
            **({} if network is None or network.prior is None else {"prior": network.prior}),
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


def _frame_reports(prepared: Prepared, ghosts: Ghosts) -> tuple[FrameReport, ...]:
    bracket = prepared.bracket
    registered: Sequence[Registration | None] = prepared.registrations or [None] * len(prepared.frames)
    return tuple(
        FrameReport(
            path=frame.path,
            capture=frame.capture,
            name=frame.name,
            ev=round(frame.ev, 4),
            ev_source=frame.ev_source,
            ev_interval=None if interval is None else (round(interval[0], 4), round(interval[1], 4)),
            gain_ev=round(gain_ev, 4),
            noise=calibrated.noise,
            ghost_fraction=round(rejected, 5),
            shift_px=None if registration is None else round(registration.shift_px, 3),
            registration=None if registration is None else registration.model,
        )
        for frame, interval, calibrated, gain_ev, rejected, registration in zip(
            bracket.frames, bracket.ev_intervals, prepared.frames, prepared.calibration.gains_ev, ghosts.rejected,
            registered, strict=True,
        )
    )  # fmt: skip


def _response_report(bracket: Bracket, calibration: Calibration) -> ResponseReport:
    linear = bracket.frames[0].linear
    return ResponseReport(
        curve="linear" if linear else calibration.curve.name,
        residual_ev=_number(calibration.residual_ev),
        srgb_residual_ev=None if linear else _number(calibration.srgb_residual_ev),
    )


def _number(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
