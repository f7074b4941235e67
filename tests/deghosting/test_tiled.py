"""The network over whole frames, tile by tile, and what happens without memory."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from small_network import CONFIG, write_network

import hdrfuse
from hdrfuse.deghosting.tiled import SkippedTiles, deghost, in_order
from hdrfuse.deghosting.triplet import Triplet
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel
from hdrfuse.lfdiff.inference import Network
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import WeightsMetadata
from hdrfuse.metrics import psnr_mu

NOISE = NoiseModel(shot=2e-5, read=1e-7)


@pytest.fixture
def network(tmp_path):
    return Network.load(write_network(tmp_path / "small.safetensors"), device="cpu", precision="fp32", steps=2)


def triplet(size=(150, 230)):
    rng = np.random.default_rng(0)
    light = rng.uniform(0.01, 3.0, (*size, 3)).astype(np.float32)
    frames = [
        CalibratedFrame(
            pixels=np.clip(light * 2.0**ev, 0, 1).astype(np.float32), lookup=None, white=1.0, ev=ev, noise=NOISE
        )
        for ev in (-2.0, 0.0, 2.0)
    ]
    return Triplet.of(frames, 1)


class RefusingModel(LFDiff):
    """A network that runs out of memory on tiles above a size, as a GPU's driver would say it."""

    def __init__(self, largest_px, error=torch.OutOfMemoryError):
        super().__init__(CONFIG)
        self.largest_px, self.error = largest_px, error

    def forward(self, frames, noise=None, sampling_steps=None, *, corrected=True):
        if frames.shape[-1] > self.largest_px:
            raise self.error("Tried to allocate: can't allocate memory")
        return frames[:, 1, 3:]


def refusing(tmp_path, largest_px, error=torch.OutOfMemoryError):
    cpu = torch.device("cpu")
    metadata = WeightsMetadata(config=CONFIG, tile_px=256)
    model = RefusingModel(largest_px, error)
    return Network(weights=tmp_path / "none", model=model, metadata=metadata, device=cpu, dtype=torch.float32, steps=1)


def test_tiles_give_the_picture_that_the_whole_frame_gives(network):
    frames = triplet()
    whole, tiled = (deghost(frames, network, tile_px=tile_px) for tile_px in (256, 64))
    assert (whole.tiles, tiled.tiles) == (1, 28)
    assert whole.radiance.shape == (150, 230, 3)
    assert psnr_mu(tiled.radiance / 4, whole.radiance / 4) > 50


def test_the_reference_is_shown_in_its_own_units(network):
    frames = triplet()
    found = deghost(frames, network).radiance
    unclipped = frames.frames[2].pixels.max(axis=2) < 1.0
    assert unclipped.any()
    np.testing.assert_allclose(found[unclipped], frames.frames[1].pixels[unclipped], rtol=0.01)


def test_the_weights_tile_size_is_the_default(network):
    assert deghost(triplet(), network).tile_px == 128


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (65, 2)])
def test_tiny_frames_are_deghosted(network, size):
    found = deghost(triplet(size), network).radiance
    assert found.shape == (*size, 3)
    assert np.isfinite(found).all()


def test_the_number_of_threads_does_not_change_a_bit(network):
    before = torch.get_num_threads()
    try:
        pictures = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            pictures.append(deghost(triplet(), network, tile_px=64).radiance.tobytes())
    finally:
        torch.set_num_threads(before)
    assert pictures[0] == pictures[1]


def test_what_is_settled_is_taken_as_it_is_and_fades_into_the_rest(network):
    frames = triplet((128, 512))
    needed = np.zeros((32, 128), bool)
    needed[3, 2] = True  # of 4 x 4 pixels each: in the first tile
    white = np.full((128, 512, 3), 3.0, np.float32)
    found = deghost(frames, network, skipped=SkippedTiles(radiance=white, needed=needed, averaged_px=4))
    alone = deghost(frames, network)
    assert (found.tiles, found.settled_tiles) == (1, alone.tiles - 1)
    np.testing.assert_allclose(found.radiance[:, 128:], 3.0, rtol=1e-5)
    np.testing.assert_array_equal(found.radiance[:, :64], alone.radiance[:, :64])
    columns = np.abs(found.radiance - 3.0).mean(axis=(0, 2))[96:128]
    assert columns[:4].mean() > 10 * columns[-4:].mean()


def test_a_frame_that_is_settled_needs_no_network(tmp_path):
    white = np.full((150, 230, 3), 3.0, np.float32)
    skipped = SkippedTiles(radiance=white, needed=np.zeros((75, 115), bool), averaged_px=2)
    found = deghost(triplet(), refusing(tmp_path, 10), skipped=skipped)
    np.testing.assert_allclose(found.radiance, 3.0, rtol=1e-5)
    assert found.tiles == 0


def test_every_tile_is_progress(network):
    heard = []
    found = deghost(triplet(), network, tile_px=64, progress=heard.append)
    assert len(heard) == found.tiles
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_out_of_memory_halves_the_tiles_with_a_warning(tmp_path, error):
    frames = triplet()
    found = deghost(frames, refusing(tmp_path, 64, error))
    assert found.tile_px == 64
    assert len(found.warnings) == 2
    assert "out of memory with tiles of 256 pixels on cpu: went on with 128" in found.warnings[0]
    np.testing.assert_allclose(found.radiance, frames.frames[1].pixels, rtol=1e-4)


def test_out_of_memory_with_the_smallest_tiles_is_an_error(tmp_path):
    with pytest.raises(MemoryError, match="tiles of 64 pixels"):
        deghost(triplet(), refusing(tmp_path, 10))


def test_other_errors_are_not_taken_for_lack_of_memory(tmp_path):
    network = refusing(tmp_path, 10, ValueError)
    with pytest.raises(ValueError, match="allocate"):
        deghost(triplet(), network)


def test_results_come_in_order_and_few_wait():
    under_way, most, lock = 0, 0, threading.Lock()

    def work(item):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        return item * item

    with ThreadPoolExecutor(max_workers=3) as pool:
        for index, found in enumerate(in_order(pool, work, range(50), ahead=4)):
            assert found == index**2
            with lock:
                under_way -= 1
    assert most <= 4


LIMITED = """
import json, resource, sys
from pathlib import Path
import torch
sys.path[:0] = sys.argv[2:]
from test_tiled import triplet
from hdrfuse.deghosting.tiled import deghost
from hdrfuse.lfdiff.inference import Network

torch.set_num_threads(1)
network = Network.load(Path(sys.argv[1]), device="cpu", precision="fp32", steps=1)
frames = triplet((512, 1024))
deghost(triplet((64, 64)), network)  # so that what is loaded once is loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000, resource.RLIM_INFINITY))
found = deghost(frames, network, tile_px=1024)
print(json.dumps([found.tile_px, float(found.radiance.min()), float(found.radiance.max()), found.warnings]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps a limit on a process's memory")
def test_a_process_with_little_memory_shrinks_its_tiles_and_goes_on(tmp_path):
    weights = write_network(tmp_path / "small.safetensors")
    environment = {**os.environ, "PYTHONPATH": str(Path(hdrfuse.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LIMITED, str(weights), *map(str, Path(__file__).parents[:2])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tile_px, least, most, warnings = json.loads(done.stdout)
    assert 64 <= tile_px < 1024
    assert 0 < least < most <= 4
    assert "out of memory with tiles of 1024 pixels on cpu" in warnings[0]
