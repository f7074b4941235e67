"""Sound files beside the images that a user hands in: exposures, a curve, a preset, weights."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hdrfuse.imaging.calibration.response import FILE_FORMAT

PRESET = """\
# of the studio
tonemap = "drago"
response = "srgb"
ghost-maps = true
format = ["exr", "hdr"]
exposures = "-2,0,2"
steps = 5
timeout = 90.5
"""


def exposures(path: Path) -> None:
    """Write the EVs of three files."""
    path.write_text("-2\n0\n+2.0\n")


def response(path: Path) -> None:
    """Write a curve as `--save-response` does."""
    curve = (np.linspace(0.0, 1.0, 9) ** 2.2).tolist()
    path.write_text(json.dumps({"format": FILE_FORMAT, "version": 1, "name": "curve", "samples": [curve] * 3}))


def preset(path: Path) -> None:
    """Write a studio's options."""
    path.write_text(PRESET)


def weights(path: Path) -> None:
    """Write a network of a few thousand random weights."""
    from small_network import write_network  # imports torch

    write_network(path)


SOUND_TEXTS: dict[str, Callable[[Path], object]] = {
    "exposure.txt": exposures,
    "response.json": response,
    "preset.toml": preset,
    "network.safetensors": weights,
}
"""Writers by the file's name. A journal.jsonl is made by a batch: see `reader`."""
