"""Pictures of a scene for the batch's page: averaged without deghosting, the merge, and its ghost map."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hdrfuse.errors import WriteError
from hdrfuse.formats.atomic import temporary_beside
from hdrfuse.formats.names import fitting
from hdrfuse.imaging.color import to_rec709
from hdrfuse.imaging.display.ghost_map import draw_ghost_map
from hdrfuse.imaging.display.tonemapping import TONEMAPPERS
from hdrfuse.imaging.merging.no_deghosting import merge_without_deghosting
from hdrfuse.pipeline import Merged

LONG_SIDE_PX = 1024
QUALITY = 88


@dataclass(frozen=True, kw_only=True)
class PagePictures:
    """Where a scene's pictures go."""

    before: Path
    after: Path
    ghosts: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> "PagePictures":
        """Name the pictures of a scene below a folder."""
        place = folder / name
        before, after, ghosts = (
            place.with_name(fitting(place.name, f".{what}.jpg")) for what in ("before", "after", "ghosts")
        )
        return cls(before=before, after=after, ghosts=ghosts)


@dataclass(frozen=True)
class Slide:
    """One small picture, (h, w, 3) sRGB."""

    pixels: NDArray[np.uint8]

    def write(self, path: Path) -> None:
        """Write it, unless the disk is full: it is only there to look at, and need not survive a power cut."""
        with suppress(WriteError), temporary_beside(path) as temporary:
            Image.fromarray(self.pixels).save(temporary, "JPEG", quality=QUALITY)
            temporary.replace(path)


def draw_slides(merged: Merged, pictures: PagePictures, *, tonemap: str) -> dict[Path, Slide]:
    """Draw all three at the page's size; before and after go through one tone curve, so that they compare."""
    height, width = merged.radiance.shape[:2]
    factor = -(-max(height, width) // LONG_SIDE_PX)
    size = (width // factor, height // factor)
    after = merged.radiance
    if factor > 1:
        covered = after[: size[1] * factor, : size[0] * factor]
        after = np.asarray(cv2.resize(covered, size, interpolation=cv2.INTER_AREA), np.float32)
    frames = [frame.reduced(factor) for frame in merged.frames]
    both = np.concatenate([merge_without_deghosting(frames), after], axis=1)
    toned = TONEMAPPERS[tonemap](to_rec709(both, merged.metadata.chromaticities))
    ghosts = draw_ghost_map(after, frames, merged.report.reference, merged.ghosts)
    return {
        pictures.before: Slide(toned[:, : size[0]]),
        pictures.after: Slide(toned[:, size[0] :]),
        pictures.ghosts: Slide(ghosts),
    }
