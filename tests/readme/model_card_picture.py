"""Make the model card's picture: crops of collages from the test split, which training never reads.

Run as `python tests/readme/model_card_picture.py IMAGES MOVERS`, folders as for `hdrfuse bench --what images`; it
writes crops.jpg into weights/. Columns: plain merge, reference, hdrfuse, truth.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from ghost_picture import GAP_PX
from numpy.typing import NDArray
from PIL import Image

import hdrfuse
from hdrfuse.data.collage import collage, collage_bracket, unseen_pictures
from hdrfuse.imaging.merging.no_deghosting import merge_without_deghosting
from hdrfuse.metrics.psnr import mu_law

PICTURE = Path(__file__).parents[2] / "weights" / "crops.jpg"
SEEDS = (4, 6, 9)
SIZE, CROP_PX = (768, 512), 224


def row(images: Path, movers: Path, seed: int) -> NDArray[np.uint8]:
    """Crops of one scene where the plain merge is worst, (CROP_PX, W, 3) sRGB."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = collage(unseen_pictures(images, movers, Path(folder), lambda name: None), seed, SIZE)
    bracket = collage_bracket(made, motion="moving")
    merged = hdrfuse.merge(bracket.frames, bracket.evs, reference=bracket.reference)
    white = np.float32(2.0 ** (bracket.evs[bracket.reference] - bracket.evs[0]))
    reference = np.asarray(merged.frames[bracket.reference].exposure())
    pictures = [
        merge_without_deghosting(merged.frames) / white,
        reference / white,
        merged.radiance / white,
        bracket.truth,
    ]
    toned = [np.uint8(255 * mu_law(np.clip(picture, 0, 1).astype(np.float64))) for picture in pictures]
    error = cv2.boxFilter(np.abs(toned[0].astype(np.float32) - toned[3]).mean(axis=2), -1, (CROP_PX, CROP_PX))
    half = CROP_PX // 2
    y, x = np.unravel_index(np.argmax(error[half:-half, half:-half]), error[half:-half, half:-half].shape)
    gap = np.full((CROP_PX, GAP_PX, 3), 255, np.uint8)
    crops = [each for picture in toned for each in (gap, picture[y : y + CROP_PX, x : x + CROP_PX])]
    return np.concatenate(crops[1:], axis=1)


if __name__ == "__main__":
    rows = [row(Path(sys.argv[1]), Path(sys.argv[2]), seed) for seed in SEEDS]
    gap = np.full((GAP_PX, rows[0].shape[1], 3), 255, np.uint8)
    stacked = np.concatenate([each for crops in rows for each in (gap, crops)][1:], axis=0)
    Image.fromarray(stacked).save(PICTURE, quality=85, optimize=True)
