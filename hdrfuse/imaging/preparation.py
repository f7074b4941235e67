"""Preparation: decoded frames become calibrated frames that lie on the reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from hdrfuse.imaging.bracket import Bracket
from hdrfuse.imaging.calibration.correspondences import TONE_PAIRS, TonePairs, match_registered_pixels, median_error
from hdrfuse.imaging.calibration.debevec import debevec1997
from hdrfuse.imaging.calibration.fit import Calibration, calibrate, gains_for
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, LEVELS, ResponseCurve, response_curve
from hdrfuse.imaging.color import luminance, srgb_encode
from hdrfuse.imaging.frame import Frame
from hdrfuse.imaging.merging.consistency import Tolerance
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel, estimate_noise
from hdrfuse.imaging.registration.register import Registration, register
from hdrfuse.imaging.registration.view import working_scale
from hdrfuse.imaging.registration.warping import resampling_loss, warp
from hdrfuse.setting_limits import NotNegative, Settings


@dataclass(frozen=True, kw_only=True)
class PreparationSettings(Settings):
    """What frames are told apart by before they are merged.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion: of procedural ones, by `hdrfuse bench --what settings --setting preparation --seeds 1 --size
    192x128 --noise 0.15`; after "camera", of collages as a camera model writes them, by `hdrfuse bench --what settings
    --setting preparation --seeds 1 --size 192x128 --images DIR --movers DIR --camera`.
    """

    calibration_side_px: int = 640
    """Longer side to which registered frames are averaged before their tones are compared.

    Half / twice: 0 / 0, camera 0 / 0.
    """
    largest_noise: float = 0.12
    """Noise, as a share of the exposure, that a pixel may have to count in the calibration.

    Half / twice: 0 / 0, camera 0 / 0.
    """
    known_curve_tolerance: NotNegative = 0.02
    """Share of the radiance that frames of an exactly known curve may differ by.

    Half / twice: -0.01 / +0.17, camera 0 / -0.03.
    """
    known_highlights: NotNegative = 0.05
    """Share of white by which a darker frame may fall short where the reference clips, under a known curve,

    Half / twice: 0 / 0, camera 0 / 0.
    """
    fitted_highlights: NotNegative = 0.25
    """and under a fitted one, which is least known near white. Half / twice: 0 / 0, camera 0 / -0.01."""
    least_pairs: int = 200
    """Fewer pairs of registered frames leave the calibration with matched histograms.

    Half / twice: 0 / 0, camera 0 / 0.
    """
    black_margin: NotNegative = 5 / 255
    """Encoded value above a raised black below which pictures tell little. Half / twice: 0 / 0, camera 0 / 0."""
    lossy_white: float = 250 / 255
    """Encoded value, as a share of white, down to which JPEG leaves values that were clipped.

    Derived: the least that JPEG leaves of a clipped value, as `clipping.end`. Half / twice: 0 / 0, camera -2.35 /
    +0.03.
    """
    lossy_spread: float = 1.5 / 255
    """Encoded value by which JPEG leaves some pixels of a channel's white darker, where that lies below the highest.

    Five still brackets whose white balance drifts after the sensor's white, by a camera model that nothing was chosen
    on, classical: 0 40.42 dB, seams of 0.0561 stop; 1.5 40.40, 0.0553; 3 40.37, 0.0557; 6 40.30, 0.0543.
    """
    least_shoulder: float = 0.05
    """Exposure at that value at least, whatever a loaded curve says. Half / twice: 0 / 0, camera 0 / 0."""
    registered_px: NotNegative = 0.25
    """Standard deviation of what registration leaves, for resampled frames,

    Half / twice: 0 / +0.03, camera 0 / 0.
    """
    still_px: NotNegative = 0.1
    """and for frames that lie still. Half / twice: 0 / +0.04, camera 0 / -0.04."""


PREPARATION = PreparationSettings()


def calibrate_bracket(
    bracket: Bracket,
    response: str | Path,
    matches: Sequence[TonePairs],
    *,
    gains: bool = True,
    earlier: Calibration | None = None,
) -> Calibration:
    """The curve that is asked for, with the gains, if a given curve is to have any, and the error that it leaves."""
    count, reference = len(bracket.frames), bracket.reference
    if response == "auto" and not bracket.frames[0].linear:
        return calibrate(matches, count, reference, earlier=earlier)
    warnings: tuple[str, ...] = ()
    if bracket.frames[0].linear:
        curve = KNOWN_CURVES["linear"]()
        if str(response) not in ("auto", "linear"):
            warnings = (f"the frames are linear: --response {response} is not used",)
    else:
        curve = response_curve(response) or debevec1997(matches)
    gains_ev = gains_for(curve, matches, count, reference) if gains else np.zeros(count)
    return Calibration(
        curve=curve,
        gains_ev=tuple(float(gain) for gain in gains_ev),
        residual_ev=median_error(curve, matches, gains_ev),
        srgb_residual_ev=median_error(KNOWN_CURVES["srgb"](), matches, np.zeros(count)),
        warnings=warnings,
    )


def calibrate_frames(bracket: Bracket, calibration: Calibration) -> list[CalibratedFrame]:
    """The frames as they were taken, with what is known of their response and noise."""
    frames = []
    curves = [
        (None, 0.0) if frame.linear else calibration.curve.ending_at(white)
        for frame, white in zip(bracket.frames, bracket.white_levels, strict=True)
    ]
    guessed = calibration.curve.name not in KNOWN_CURVES
    whites = bracket.least_channel_whites if guessed else (1.0,) * len(curves)
    for frame, gain, (curve, rise), least_white in zip(
        bracket.frames, calibration.gains_ev, curves, whites, strict=True
    ):
        toe, shoulder = _guessed_ends(curve, least_white) if guessed and curve is not None else (0.0, 1.0)
        frames.append(
            CalibratedFrame(
                pixels=frame.pixels,
                lookup=None if curve is None else curve.lookup(frame.pixels.dtype),
                white=frame.white,
                ev=frame.ev + gain + rise - bracket.frames[bracket.reference].ev - curves[bracket.reference][1],
                noise=estimate_noise(frame.pixels, curve, frame.white),
                valid=frame.covered,
                exact=curve is not None and not guessed,
                toe=toe,
                shoulder=shoulder,
                coloured_white=shoulder if least_white < 1.0 else 1.0,
            )
        )
    return frames


def noise_floor(frame: Frame) -> float:
    """Encoded value, as a share of white, below which a frame is mostly noise; by the sRGB curve if it has one."""
    curve = None if frame.linear else KNOWN_CURVES["srgb"]()
    noise = estimate_noise(frame.pixels, curve, frame.white)
    # shot x + read = (PREPARATION.largest_noise x)^2
    square = PREPARATION.largest_noise**2
    exposure = (noise.shot + np.sqrt(noise.shot**2 + 4.0 * square * noise.read)) / (2.0 * square)
    return float(exposure) if curve is None else float(srgb_encode(np.asarray(min(exposure, 1.0))))


def _guessed_ends(curve: ResponseCurve, least_white: float) -> tuple[float, float]:
    """Exposures at the darkest value that calibration looks at, and at the one from which lossy white begins.

    `least_white` is the encoded value at which some channel is white.
    """
    white = min(PREPARATION.lossy_white, least_white - PREPARATION.lossy_spread)
    black = float((curve.table <= 0.0).sum(axis=1).max()) / LEVELS
    least = max(TONE_PAIRS.brighter_range[0], black + PREPARATION.black_margin)
    ends = curve(np.repeat([[least], [white]], 3, axis=1))
    return float(ends[0].mean()), max(float(ends[1].min()), PREPARATION.least_shoulder)


def register_frames(frames: Sequence[CalibratedFrame], reference: int) -> list[Registration]:
    """How each frame lies on the reference."""
    height, width = frames[0].pixels.shape[:2]
    factor = max(1, round(1.0 / working_scale(height, width)))
    reduced = [frame.reduced(factor) for frame in frames]
    planes = [luminance(frame.exposure()) for frame in reduced]
    valid = [frame.valid for frame in reduced]
    registrations = register(planes, [frame.ev for frame in frames], reference, valid=valid)
    small = planes[0].shape
    return [each if factor == 1 else each.enlarged(*small, to=(height, width)) for each in registrations]


def resample_frames(
    frames: Sequence[CalibratedFrame], registrations: Sequence[Registration], whites: Sequence[float]
) -> list[CalibratedFrame]:
    """The frames in the reference's coordinates; those that lie still stay bit for bit."""
    moved = []
    for frame, registration, level in zip(frames, registrations, whites, strict=True):
        if registration.model == "identity":
            moved.append(frame)
            continue
        warped = warp(frame.pixels, registration, white=level * frame.white, valid=frame.valid)
        integer = np.issubdtype(warped.pixels.dtype, np.integer)
        white = float(np.iinfo(warped.pixels.dtype).max) if integer else frame.white
        loss = resampling_loss(registration, warped.pixels.shape[:2])
        noise = NoiseModel(shot=frame.noise.shot * loss.noise_gain, read=frame.noise.read * loss.noise_gain)
        moved.append(
            replace(
                frame,
                pixels=warped.pixels,
                valid=warped.valid,
                saturation_contaminated=warped.saturation_contaminated,
                white=white,
                noise=noise,
                detail_loss=loss.detail_loss,
            )
        )
    return moved


def recalibrate_frames(
    frames: Sequence[CalibratedFrame], bracket: Bracket, calibration: Calibration
) -> list[CalibratedFrame]:
    """The registered frames under the final curve; noise is measured on the frames as they were taken."""
    renewed = []
    for old, new, white in zip(frames, calibrate_frames(bracket, calibration), bracket.white_levels, strict=True):
        if old.pixels is new.pixels:
            renewed.append(new)
            continue
        lookup = None if new.lookup is None else calibration.curve.ending_at(white)[0].lookup(old.pixels.dtype)
        renewed.append(
            replace(
                old, lookup=lookup, ev=new.ev, exact=new.exact, toe=new.toe, shoulder=new.shoulder,
                coloured_white=new.coloured_white,
            )
        )  # fmt: skip
    return renewed


def match_registered_frames(
    frames: Sequence[CalibratedFrame], evs: Sequence[float], floors: Sequence[float], whites: Sequence[float]
) -> list[TonePairs]:
    """Pairs of the same places of registered frames; empty where some neighbours share too few."""
    height, width = frames[0].pixels.shape[:2]
    scale = min(1.0, PREPARATION.calibration_side_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    samples, valid = [], []
    for frame in frames:
        white = frame.white if np.isfinite(frame.white) else 1.0
        small = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        samples.append(small / np.float32(white))
        inside = np.ones(size[::-1], np.bool_)
        if frame.valid is not None:
            usable = (
                frame.valid & ~frame.saturation_contaminated
                if frame.saturation_contaminated is not None
                else frame.valid
            )
            inside = cv2.resize(usable.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 250
        valid.append(inside)
    matches = match_registered_pixels(samples, valid, evs, floors, whites=whites)
    return matches if all(len(pairs.dark) >= PREPARATION.least_pairs for pairs in matches) else []


def tolerances(bracket: Bracket, calibration: Calibration, registrations: Sequence[Registration]) -> list[Tolerance]:
    """What each frame may differ by from the reference without motion."""
    exact = bracket.frames[0].linear or calibration.curve.name in KNOWN_CURVES
    by_hand = any(each.model != "identity" for each in registrations)  # else what cannot be registered lies still
    allowed = []
    for index in range(len(bracket.frames)):
        links = abs(index - bracket.reference)
        smooth = 0.5 * np.log(2.0) * np.nan_to_num(calibration.residual_ev, nan=0.1) * np.sqrt(max(links, 1))
        moved = bool(registrations) and registrations[index].model != "identity"
        allowed.append(
            Tolerance(
                relative=PREPARATION.known_curve_tolerance + (0.0 if exact else float(smooth)),
                highlights=PREPARATION.known_highlights if exact else PREPARATION.fitted_highlights,
                rendered=not exact,
                demosaiced=bracket.frames[index].linear and bracket.frames[index].pixels.dtype.kind == "u",
                misregistration_px=PREPARATION.registered_px if moved else PREPARATION.still_px,
                placed=not (by_hand and registrations[index].warning is not None),
            )
        )
    return allowed
