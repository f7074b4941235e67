"""Fusion: a whole frame from what the merge and the network say of it.

The network is dear, and most of a large frame stands still. So it sees a large frame small at first, and at full
size only where the small picture would change the merge visibly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hdrfuse.deghosting import Deghosted, Settled, deghost
from hdrfuse.imaging.blending import NetworkError, blend, network_share, visible_change
from hdrfuse.imaging.radiometry import Plane
from hdrfuse.imaging.search import Search
from hdrfuse.imaging.triplet import Triplet
from hdrfuse.lfdiff.inference import Network

VISIBLE = 0.004
"""Change after the mu-law that a person can see: a level of 8 bits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fusion:
    """What is known of a bracket before the network sees it."""

    triplet: Triplet
    search: Search
    reference: int
    tolerance: float
    """The calibration's error as a share of the radiance."""
    tile_px: int | None = None
    """The weights' own by default."""
    seed: int = 0

    def fuse(self, merged: Plane, network: Network, progress: Callable[[float], None]) -> Deghosted:
        """Run the network and put its picture into the merged radiance (H, W, 3), in place.

        Raises MemoryError where the smallest tiles do not fit.
        """
        settled, tile_px, glanced = None, self.tile_px, 0.0
        warnings: tuple[str, ...] = ()
        if self.search.averaged_px > 1:
            glanced = 1.0 / (1.0 + self.search.averaged_px**2)
            small = self._glance(network, lambda share: progress(glanced * share))
            settled = self._settled(merged, small)
            network, tile_px, warnings = small.network, small.tile_px, small.warnings
        found = deghost(
            self.triplet, network, tile_px=tile_px, seed=self.seed, settled=settled,
            progress=lambda share: progress(glanced + (1.0 - glanced) * share),
        )  # fmt: skip
        averaged, learned = self.search.averaged(merged), self.search.averaged(found.radiance)
        share = self._share(averaged, learned, found.network)
        mean = float(np.mean(share * (averaged != learned).any(axis=2)))
        blend(merged, found.radiance, share, white=self.triplet.white)
        warnings = tuple(dict.fromkeys((*warnings, *found.warnings)))
        return replace(found, radiance=merged, share=mean, warnings=warnings)

    def _glance(self, network: Network, progress: Callable[[float], None]) -> Deghosted:
        """The network's picture of the averaged frames."""
        small = self.triplet.resembling(self.search.frames)
        return deghost(small, network, tile_px=self.tile_px, seed=self.seed, progress=progress)

    def _settled(self, merged: Plane, small: Deghosted) -> Settled:
        """The merge, wherever the small picture would not change it."""
        averaged = self.search.averaged(merged)
        share = self._share(averaged, small.radiance, small.network)
        change = visible_change(averaged, small.radiance, share, white=self.triplet.white)
        return Settled(radiance=merged, unsettled=change > VISIBLE, averaged_px=self.search.averaged_px)

    def _share(self, merged: Plane, learned: Plane, network: Network) -> Plane:
        """The network's share (h, w) at the size of the search."""
        return network_share(
            merged, learned, self.search.frames, self.reference, self.search.ghosts,
            error=NetworkError(white=self.triplet.white, rms=network.metadata.error), tolerance=self.tolerance,
            averaged_px=self.search.averaged_px,
        )  # fmt: skip
