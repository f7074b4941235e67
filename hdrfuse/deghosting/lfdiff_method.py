"""LF-Diff as a method: the network's picture of three frames, blended into the merge of all."""

import hashlib

from hdrfuse.deghosting.coarse_to_fine import CoarseToFine
from hdrfuse.deghosting.deghoster import (
    DeghostedRadiance,
    Deghoster,
    MethodOptions,
    RegisteredBracket,
)
from hdrfuse.deghosting.tiled import Deghosted, deghost
from hdrfuse.imaging.merging.merge import merge
from hdrfuse.lfdiff.inference import Network
from hdrfuse.lfdiff.weights import DEFAULT_WEIGHTS, find_weights, shipped_weights
from hdrfuse.merge_report import NetworkReport
from hdrfuse.progress import Clock

MERGED_AFTER = 0.3
"""Share of the whole time, for progress, after which the network runs."""


class LFDiffMethod(Deghoster):
    """Sees the reference, a darker and a brighter frame; with blending, the merge sees all."""

    def is_ready(self) -> bool:
        """Whether the default weights are installed."""
        return DEFAULT_WEIGHTS in shipped_weights()

    def check(self, options: MethodOptions) -> None:
        """Load the network. Raises WeightsError, UsageError or DeviceError."""
        self.load(options)

    def identity(self, options: MethodOptions) -> dict[str, str]:
        """The weights' digest. Raises WeightsError."""
        return {"weights": hashlib.sha256(find_weights(options.weights).read_bytes()).hexdigest()}

    def caption(self, options: MethodOptions) -> str:
        """Weights, precision, tiles and seed."""
        network = self.load(options)
        seed = f"seed {options.seed}" if options.sample is None else f"sample {options.sample}"
        tile = "the weights' own" if options.tile is None else f"{options.tile} px"
        return (
            f"weights {network.weights.stem} (sha256 {network.metadata.sha256[:12]}), {network.precision}, "
            f"tiles: {tile}, {seed}{', its prior left out' if network.prior_used == 'off' else ''}"
        )

    def load(self, options: MethodOptions) -> Network:
        """The network, loaded once as long as no other is. Raises WeightsError, UsageError or DeviceError."""
        weights = find_weights(options.weights)
        return Network.load(
            weights, device=options.device, precision=options.precision, steps=options.steps, prior=options.prior,
            sampled=options.sample is not None,
        )  # fmt: skip

    def merge(
        self, bracket: RegisteredBracket, options: MethodOptions, loaded: Network, clock: Clock
    ) -> DeghostedRadiance:  # fmt: skip
        """Merge, run the network, and put its picture into the merge unless it shall stand alone.

        Raises MemoryError where the smallest tiles do not fit.
        """
        merged = None
        if options.blend:
            with clock.stage("merging", MERGED_AFTER) as advance:
                merged = merge(bracket.frames, bracket.reference, bracket.detection.ghosts, progress=advance)
        coarse_to_fine = CoarseToFine.of(bracket, options)
        triplet = coarse_to_fine.triplet
        with clock.stage("deghosting", 1.0) as advance:
            if merged is None:
                found = deghost(triplet, loaded, tile_px=options.tile, seed=options.noise_seed, progress=advance)
            else:
                found = coarse_to_fine.run(merged, loaded, advance)
        saw = [bracket.names[index] for index in triplet.indices]
        return DeghostedRadiance(radiance=found.radiance, warnings=found.warnings, network=_facts(found, saw))


def _facts(found: Deghosted, saw: list[str]) -> NetworkReport:
    network = found.network
    return NetworkReport(
        weights=network.weights.stem, sha256=network.metadata.sha256, frames=tuple(saw), share=round(found.share, 5),
        tile_px=found.tile_px, tiles=found.tiles, settled_tiles=found.settled_tiles, device=str(network.device),
        precision=network.precision, prior=network.prior_used,
    )  # fmt: skip
