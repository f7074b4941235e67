"""Deghosting by the network: a whole frame, tile by tile, in whatever memory there is."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from hdrfuse.deghosting.deghoster import SMALLEST_TILE_PX
from hdrfuse.deghosting.tiles import Tile, batched, plan_tiles
from hdrfuse.deghosting.triplet import Triplet
from hdrfuse.errors import OutOfMemoryError, is_out_of_memory
from hdrfuse.imaging.radiometry import Plane
from hdrfuse.lfdiff.inference import Network, join_noise, one_core_a_thread

if TYPE_CHECKING:
    from torch import Tensor

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Batches a worker that may be done before they are used."""

GPU_WORKERS = 2
"""One prepares frames while the other waits for the GPU."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SkippedTiles:
    """Parts of a frame that need no network, and what is there."""

    radiance: Plane
    """(H, W, 3), 1.0 = the reference's white."""
    needed: NDArray[np.bool_]
    """(h, w) where the network is needed, each entry for averaged_px x averaged_px pixels."""
    averaged_px: int

    def holds(self, tile: Tile) -> bool:
        """Whether a tile needs no network."""
        px = self.averaged_px
        rows, columns = (slice(part.start // px, -(-part.stop // px)) for part in (tile.rows, tile.columns))
        return not self.needed[rows, columns].any()


@dataclass(frozen=True, kw_only=True, eq=False)
class Deghosted:
    """What the network made of a bracket, and how."""

    radiance: Plane
    """(H, W, 3), 1.0 = the reference's white; it ends at the shortest frame's white."""
    network: Network
    tile_px: int
    tiles: int
    """That the network has seen."""
    settled_tiles: int
    """That needed no network."""
    share: float
    """Of the picture, that is the network's; 1 where nothing was blended in."""
    warnings: tuple[str, ...]


def deghost(
    triplet: Triplet, network: Network, *, tile_px: int | None = None, seed: int = 0,
    skipped: SkippedTiles | None = None, progress: Callable[[float], None] = lambda share: None,
) -> Deghosted:  # fmt: skip
    """Run the network over a frame; out of memory, tiles shrink by halves, and then the CPU takes over.

    What is `skipped` already is taken as it is. `tile_px` is the weights' own by default. Raises OutOfMemoryError
    where the smallest tiles do not fit either.
    """
    asked = tile_px or network.metadata.tile_px
    size = asked
    warnings = list(network.warnings)
    radiance = np.empty(triplet.frames[1].pixels.shape, np.float32)
    while True:
        try:
            tiles, kept = _fill(radiance, triplet, network, size, seed, skipped, progress)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            radiance *= np.float32(triplet.white)
            return Deghosted(
                radiance=radiance, network=network, tile_px=size, tiles=tiles, settled_tiles=kept, share=1.0,
                warnings=tuple(warnings),
            )  # fmt: skip
        network.release()
        failed = f"out of memory with tiles of {size} pixels on {network.device}"
        if size > SMALLEST_TILE_PX:
            size = max(size // 2, SMALLEST_TILE_PX)
            warnings.append(f"{failed}: went on with {size}")
        elif network.device.type != "cpu":
            network, size = network.on_the_cpu(), asked
            warnings.append(f"{failed}: went on on the CPU")
        else:
            raise OutOfMemoryError(failed)


def _fill(
    radiance: Plane, triplet: Triplet, network: Network, tile_px: int, seed: int, skipped: SkippedTiles | None,
    progress: Callable[[float], None],
) -> tuple[int, int]:  # fmt: skip
    """Put the network's radiance, 1.0 = the shortest frame's white, into a frame -> tiles it saw, and did not."""
    height, width = radiance.shape[:2]
    planned = plan_tiles(height, width, tile_px=tile_px, multiple_of=network.multiple_of)
    noise = network.noise(height, width, seed)
    radiance[:] = 0.0
    tiles = []
    for tile in planned:
        if skipped is not None and skipped.holds(tile):
            tile.add_to(radiance, skipped.radiance[tile.rows, tile.columns] / np.float32(triplet.white))
        else:
            tiles.append(tile)

    def run(batch: Sequence[Tile]) -> Plane:
        ldr = np.stack([triplet.encoded(tile.rows, tile.columns) for tile in batch])
        found = network.radiance(ldr, triplet.exposures, _noise_of(batch, network, noise))
        for seen, content in zip(ldr, found, strict=True):
            if is_grey(seen):
                content[:] = content.mean(axis=-1, keepdims=True)
        return found

    done = 0
    with one_core_a_thread() as cores:
        on_the_cpu = network.device.type == "cpu"
        workers = cores if on_the_cpu else GPU_WORKERS
        batches = batched(tiles, largest=1 if on_the_cpu else None)
        with ThreadPoolExecutor(max_workers=workers) as pool:
            for batch, found in zip(batches, in_order(pool, run, batches, ahead=AHEAD * workers), strict=True):
                for tile, content in zip(batch, found, strict=True):
                    tile.add_to(radiance, content)
                done += len(batch)
                progress(done / len(tiles))
    return len(tiles), len(planned) - len(tiles)


def _noise_of(batch: Sequence[Tile], network: Network, noise: "Tensor | None") -> "Tensor | None":
    return None if noise is None else join_noise([network.share_of(noise, tile.rows, tile.columns) for tile in batch])


def is_grey(frames: Plane) -> bool:
    """Whether frames (F, h, w, 3) hold no colour at all; a network trained on colours makes some up."""
    first = frames[..., 0]
    return bool((first == frames[..., 1]).all() and (first == frames[..., 2]).all())


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """Results in the order of the items, of which `ahead` at most are under way or wait to be taken."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
