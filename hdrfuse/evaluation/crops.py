"""Pictures of an evaluation: previews, crops where motion shows, maps of the error."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.evaluation.baselines import triangle_weights_merge
from hdrfuse.evaluation.methods import slug
from hdrfuse.evaluation.records import make_folder
from hdrfuse.evaluation.results import Box, Pictures
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.formats.writing import write_jpeg, write_png
from hdrfuse.metrics.psnr import mu_law

Radiance = NDArray[np.floating[Any]]
Picture = NDArray[np.uint8]

PREVIEW_PX = 1024
"""Longer side of previews and error maps at most."""

CROP_PX = 128
CROPS = 3

ERROR_WHITE = 0.1
"""Error after the mu-law that an error map shows as its brightest."""

PREVIEW_QUALITY = 90


def tonemap_mu_law(radiance: Radiance) -> Picture:
    """Show radiance (H, W, 3) under the mu-law, 1.0 = white, whatever else is in the picture -> 8 bits."""
    return np.rint(mu_law(np.clip(np.asarray(radiance, np.float64), 0.0, 1.0)) * 255).astype(np.uint8)


def error_map(radiance: Radiance, truth: Radiance) -> Picture:
    """Error after the mu-law, the worst channel's (H, W, 3): black over purple and orange to yellow, ERROR_WHITE."""
    clipped = (mu_law(np.clip(np.asarray(each, np.float64), 0.0, 1.0)) for each in (radiance, truth))
    error = np.abs(np.subtract(*clipped)).max(axis=-1) / ERROR_WHITE
    levels = np.rint(np.minimum(shrink(error.astype(np.float32)), 1.0) * 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def shrink(picture: NDArray[Any]) -> NDArray[Any]:
    """Average a picture down to PREVIEW_PX on its longer side at most."""
    scale = PREVIEW_PX / max(picture.shape[:2])
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def find_telling_crops(bracket: KnownBracket) -> tuple[Box, ...]:
    """Find where a merge without deghosting errs most: there methods differ. CROPS boxes at most, none overlapping."""
    height, width = bracket.truth.shape[:2]
    tall, wide = min(CROP_PX, height), min(CROP_PX, width)
    error = np.abs(mu_law(np.clip(triangle_weights_merge(bracket), 0, 1)) - mu_law(np.clip(bracket.truth, 0, 1))).max(
        axis=-1
    )
    total = np.pad(error.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = total[tall:, wide:] - total[:-tall, wide:] - total[tall:, :-wide] + total[:-tall, :-wide]
    boxes: list[Box] = []
    for _ in range(CROPS):
        top, left = (int(at) for at in np.unravel_index(np.argmax(inside), inside.shape))
        if inside[top, left] < 0:
            break
        boxes.append(Box(left=left, top=top, width=wide, height=tall))
        inside[max(top - tall + 1, 0) : top + tall, max(left - wide + 1, 0) : left + wide] = -1
    return tuple(boxes)


def draw_truth(folder: Path, truth: Radiance, crops: tuple[Box, ...]) -> Pictures:
    """Write the truth's pictures into a scene's folder. Raises WriteError."""
    return _draw(folder, "truth", tonemap_mu_law(truth), crops)


def draw_result(folder: Path, method: str, radiance: Radiance, truth: Radiance, crops: tuple[Box, ...]) -> Pictures:
    """Write a method's pictures into a scene's folder, its error map among them. Raises WriteError."""
    pictures = _draw(folder / "methods", slug(method), tonemap_mu_law(radiance), crops)
    place = pictures.preview.with_suffix(".error.png")
    write_png(place, error_map(radiance, truth), overwrite=True)
    return replace(pictures, error_map=place)


def _draw(folder: Path, name: str, shown: Picture, crops: tuple[Box, ...]) -> Pictures:
    make_folder(folder)
    pictures = Pictures(
        preview=folder / f"{name}.jpg",
        crops=tuple(folder / f"{name}.crop{index + 1}.png" for index in range(len(crops))),
        error_map=None,
    )
    write_jpeg(pictures.preview, shrink(shown), quality=PREVIEW_QUALITY, overwrite=True)
    for path, box in zip(pictures.crops, crops, strict=True):
        crop = shown[box.top : box.top + box.height, box.left : box.left + box.width]
        write_png(path, np.ascontiguousarray(crop), overwrite=True)
    return pictures


def draw_frames(folder: Path, bracket: KnownBracket) -> tuple[Path, ...]:
    """Write a preview of each frame as it is into a scene's folder. Raises WriteError."""
    make_folder(folder)
    paths = tuple(folder / f"frame{index + 1}.jpg" for index in range(len(bracket.frames)))
    for path, frame in zip(paths, bracket.frames, strict=True):
        shown = np.rint(frame * (255 / np.iinfo(frame.dtype).max)).astype(np.uint8)
        write_jpeg(path, shrink(shown), quality=PREVIEW_QUALITY, overwrite=True)
    return paths
