"""CoarseToFine: the network's picture of a whole frame, blended into the merge.

The network is dear, and most of a large frame stands still. So it sees a large frame small at first, and at full
size only where the small picture would change the merge visibly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.deghosting.blend_settings import BLEND, BlendSettings
from hdrfuse.deghosting.blend_statistics import NetworkError
from hdrfuse.deghosting.blending import blend, blend_weight_map, visible_change
from hdrfuse.deghosting.deghoster import MethodOptions, RegisteredBracket
from hdrfuse.deghosting.tiled import Deghosted, SkippedTiles, deghost
from hdrfuse.deghosting.triplet import Triplet
from hdrfuse.imaging.merging.detection import GhostDetection
from hdrfuse.imaging.merging.strips import enlarge_rows, strips
from hdrfuse.imaging.radiometry import Plane, in_any_channel
from hdrfuse.lfdiff.inference import Network
from hdrfuse.setting_limits import ANY_SIGN, Settings


@dataclass(frozen=True, kw_only=True)
class CoarseToFineSettings(Settings):
    """Where the network sees a large frame at full size."""

    visible: Annotated[float, ANY_SIGN] = 0.004
    """Change after the mu-law that a person can see: derived, a level of 8 bits is 1/255. Below 0 everything is."""
    smallest_px: int = 9
    """Connected pixels of the small picture that it takes: fewer are noise, as in the search for ghosts.

    A bracket of 24 megapixels of which 14 % moved: 21 tiles of 117 run without this, 17 with it.
    """


COARSE_TO_FINE = CoarseToFineSettings()


@dataclass(frozen=True, kw_only=True, eq=False)
class CoarseToFine:
    """What is known of a bracket before the network sees it."""

    triplet: Triplet
    search: GhostDetection
    reference: int
    tolerance: float
    """The calibration's error as a share of the radiance."""
    tile_px: int | None = None
    """The weights' own by default."""
    seed: int = 0
    blend: BlendSettings = BLEND

    @classmethod
    def of(cls, bracket: RegisteredBracket, options: MethodOptions) -> "CoarseToFine":
        """What a registered bracket says, and the options that are the network's."""
        return cls(
            triplet=Triplet.of(bracket.frames, bracket.reference), search=bracket.detection,
            reference=bracket.reference, tolerance=max(each.relative for each in bracket.tolerance),
            tile_px=options.tile, seed=options.noise_seed,
        )  # fmt: skip

    def run(self, merged: Plane, network: Network, progress: Callable[[float], None]) -> Deghosted:
        """Run the network and put its picture into the merged radiance (H, W, 3), in place.

        Raises MemoryError where the smallest tiles do not fit.
        """
        return self.blended(merged, self.deghosted(merged, network, progress))

    def deghosted(self, merged: Plane, network: Network, progress: Callable[[float], None]) -> Deghosted:
        """The network's picture; where it is not needed, the merged radiance (H, W, 3)."""
        if self.search.averaged_px == 1:
            return self._deghost(self.triplet, network, progress)
        glanced = 1.0 / (1.0 + self.search.averaged_px**2)
        small = self._deghost(
            self.triplet.resembling(self.search.frames), network, lambda share: progress(glanced * share)
        )
        found = self._deghost(
            self.triplet, small.network, lambda share: progress(glanced + (1.0 - glanced) * share),
            tile_px=small.tile_px, skipped=self._skipped(merged, small.radiance, small.network),
        )  # fmt: skip
        self._take_hidden(found.radiance, small.radiance)
        return replace(found, warnings=tuple(dict.fromkeys((*small.warnings, *found.warnings))))

    def blended(self, merged: Plane, found: Deghosted) -> Deghosted:
        """Put the network's picture into the merged radiance (H, W, 3), in place."""
        averaged, learned = self.search.averaged(merged), self.search.averaged(found.radiance)
        share = self._share(averaged, learned, found.network)
        mean = float(np.mean(share * in_any_channel(averaged != learned)))
        blend(merged, found.radiance, share, white=self.triplet.white)
        return replace(found, radiance=merged, share=mean)

    def _deghost(
        self, triplet: Triplet, network: Network, progress: Callable[[float], None], *, tile_px: int | None = None,
        skipped: SkippedTiles | None = None,
    ) -> Deghosted:  # fmt: skip
        return deghost(
            triplet, network, tile_px=tile_px or self.tile_px, seed=self.seed, skipped=skipped, progress=progress
        )

    def _skipped(self, merged: Plane, small: Plane, network: Network) -> SkippedTiles:
        """The merge, wherever the small picture would not change what some frame shows."""
        averaged = self.search.averaged(merged)
        share = self._share(averaged, small, network)
        change = visible_change(averaged, small, share, white=self.triplet.white, settings=self.blend)
        change *= 1.0 - self.search.ghosts.occluded_highlight_mask
        return SkippedTiles(
            radiance=merged, needed=large_parts(change > COARSE_TO_FINE.visible), averaged_px=self.search.averaged_px
        )

    def _take_hidden(self, radiance: Plane, small: Plane) -> None:
        """Put the small picture (h, w, 3) in where no frame shows what is there: there the network saw further."""
        shape = (radiance.shape[0], radiance.shape[1])
        for strip in strips(shape[0]):
            hidden = enlarge_rows(self.search.ghosts.occluded_highlight_mask, shape, strip.rows)[..., None]
            if hidden.any():
                radiance[strip.rows] += hidden * (enlarge_rows(small, shape, strip.rows) - radiance[strip.rows])

    def _share(self, merged: Plane, learned: Plane, network: Network) -> Plane:
        """The network's share (h, w) at the size of the search."""
        return blend_weight_map(
            merged, learned, self.search.frames, self.reference, self.search.ghosts,
            error=NetworkError(white=self.triplet.white, rms=network.metadata.error), tolerance=self.tolerance,
            averaged_px=self.search.averaged_px, settings=self.blend,
        )  # fmt: skip


def large_parts(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) without connected parts of fewer than `smallest_px` pixels."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    large = statistics[:, cv2.CC_STAT_AREA] >= COARSE_TO_FINE.smallest_px
    large[0] = False
    return large[labels]
