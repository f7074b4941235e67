"""A frame as registration sees it: log exposure at working size, where it is worth comparing, its features."""

import math
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.coverage import carried_outwards
from hdrfuse.imaging.registration.displacements import BLOCK, Plane
from hdrfuse.imaging.registration.matching_settings import MATCHING

SMALLEST_SIDE = 3 * BLOCK
"""Below this a frame has too few blocks to tell the camera's motion from an object's."""


def working_scale(height: int, width: int) -> float:
    """Return the factor by which frames are resized before they are compared: at most 1, but for small ones."""
    if height * width < MATCHING.small_pixels:
        return 2.0
    return min(1.0, float(np.sqrt(MATCHING.working_pixels / (height * width))))


class Level:
    """Linear exposure at one size, its logarithm in stops and where it clips."""

    def __init__(
        self, exposure: NDArray[np.float32], size: tuple[int, int], clipped: NDArray[np.uint8] | None = None
    ) -> None:
        if clipped is None:
            clipped = (exposure > MATCHING.white).astype(np.uint8) * 255
        if size != exposure.shape[::-1]:
            interpolation = cv2.INTER_LINEAR if size[0] > exposure.shape[1] else cv2.INTER_AREA
            exposure = np.asarray(cv2.resize(exposure, size, interpolation=interpolation), np.float32)
            clipped = np.asarray(cv2.resize(clipped, size, interpolation=interpolation), np.uint8)
        self.exposure = exposure
        self.clipped = clipped
        self.stops: Plane = cv2.log(np.clip(exposure, MATCHING.black, 1.0)) * np.float32(1 / np.log(2))


class MatchingView:
    """A frame at working size: log exposure in stops, and where it is worth comparing."""

    def __init__(self, exposure: NDArray[np.float32], valid: NDArray[np.bool_] | None = None) -> None:
        self.shape = exposure.shape
        height, width = exposure.shape
        scale = working_scale(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        clipped = None
        if valid is not None:  # where there is no data nothing is compared, and its rim is no edge
            exposure = carried_outwards(exposure, valid)
            clipped = (~valid | (exposure > MATCHING.white)).astype(np.uint8) * 255
        self.fine = Level(exposure, size, clipped)

    @cached_property
    def coarse(self) -> "Level":
        """The level at which motion is guessed, at most half the fine one."""
        height, width = self.fine.stops.shape
        scale = min(0.5, float(np.sqrt(MATCHING.feature_pixels / (height * width))))
        size = (round(width * scale), round(height * scale))
        blocks = (size[0] // BLOCK) * (size[1] // BLOCK)
        if min(size) < SMALLEST_SIDE or blocks < MATCHING.coarse_blocks:
            return self.fine
        return Level(self.fine.exposure, size, self.fine.clipped)

    @cached_property
    def features(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points (N, 2) of the coarse level with SIFT descriptors (N, 128; Lowe 2004), square-rooted.

        The strongest of every cell of the frame are kept, so that a plain background has its share of them.
        """
        sift = cv2.SIFT.create()
        picture = np.clip(equalise_contrast(band_pass(self.coarse.stops)) * 40 + 128, 0, 255).astype(np.uint8)
        keypoints, descriptors = sift.detectAndCompute(picture, (self.coarse.clipped == 0).astype(np.uint8))
        if len(keypoints) == 0:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        points = np.array([k.pt for k in keypoints], np.float32)
        strengths = np.array([k.response for k in keypoints])
        cells = (points // MATCHING.cell_px).astype(int) @ [1, 4096]
        order = np.lexsort((points[:, 0], points[:, 1], -strengths, cells))
        _cells, first, rank = np.unique(cells[order], return_index=True, return_inverse=True)
        kept = order[np.arange(len(order)) - first[rank] < MATCHING.kept_per_cell]
        rooted = np.sqrt(descriptors[kept] / np.maximum(descriptors[kept].sum(axis=1, keepdims=True), 1e-9))
        return points[kept], rooted.astype(np.float32)


def render(level: Level, ev: float, other_ev: float) -> tuple[Plane, Plane]:
    """Band-pass log radiance over the range that both exposures hold; with the mask of where that is."""
    ev, other_ev = float(ev), float(other_ev)  # numpy's numbers would make float64 of the planes
    darker, brighter = min(ev, other_ev), max(ev, other_ev)
    low, high = math.log2(MATCHING.black) - darker + ev, math.log2(MATCHING.white) - brighter + ev
    inside = ((level.stops > low) & (level.stops < high) & (level.clipped == 0)).astype(np.uint8)
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
    return band_pass(np.clip(level.stops, low, high)), inside.astype(np.float32)


def band_pass(stops: Plane) -> Plane:
    """Keep of a log exposure what neither a smooth error of the response nor pixel noise reaches."""
    fine, coarse = (cv2.GaussianBlur(stops, (0, 0), sigma_px) for sigma_px in MATCHING.band_px)
    return np.asarray(fine - coarse, np.float32)


def equalise_contrast(band: Plane) -> Plane:
    """Divide a band-passed plane by its local deviation: faint texture counts like strong, noise does not."""
    deviation = np.asarray(cv2.sqrt(cv2.GaussianBlur(band * band, (0, 0), MATCHING.contrast_px)), np.float32)
    deviation += np.float32(MATCHING.contrast_floor)
    return band / deviation
