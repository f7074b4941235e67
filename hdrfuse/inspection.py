"""What files say of themselves: the frames of a bracket, a merged result, a weights file."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hdrfuse.brackets.exposure import Exposure, infer_exposures
from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import BracketError
from hdrfuse.formats import Chromaticities, ImageHeader, Pixels, read_header, read_image
from hdrfuse.formats.exr_layout import SAMPLE_BYTES, read_layout
from hdrfuse.formats.facts import read_facts
from hdrfuse.formats.icc import ADOBE_RGB, DISPLAY_P3, PROPHOTO, REC2020
from hdrfuse.formats.image import REC709
from hdrfuse.imaging.bracket import check_alike
from hdrfuse.imaging.color import luminance
from hdrfuse.imaging.orientations import common_orientation, differing, taken_as

COLOR_SPACES: dict[str, Chromaticities] = {
    "sRGB": REC709, "Display P3": DISPLAY_P3, "Adobe RGB": ADOBE_RGB, "Rec. 2020": REC2020, "ProPhoto RGB": PROPHOTO,
}  # fmt: skip
BITS = {"uint8": 8, "uint16": 16, "float32": 32}
WEIGHTS_SUFFIX = ".safetensors"
PERCENTILES = (0.1, 1.0, 50.0, 99.0, 99.9)
SAMPLES = 4_000_000
"""Percentiles are taken from about this many pixels, evenly spread."""


def inspect(paths: Sequence[Path], *, exposures: Sequence[float] | None = None) -> dict[str, Any]:
    """Report on a bracket (a folder, or several files), or on one picture, merged result or weights file.

    Plain types, ready for JSON. A bracket that cannot be merged is reported with its `problem`.
    Raises ImageError, WeightsError or BracketError where a file cannot be read or nothing is there.
    """
    if len(paths) != 1 or paths[0].is_dir():
        return inspect_scene(paths, exposures=exposures)
    if paths[0].suffix.lower() == WEIGHTS_SUFFIX:
        return inspect_weights(paths[0])
    header = read_header(paths[0])
    return inspect_radiance(header) if header.dtype == "float32" else {"kind": "picture", **described(header)}


def inspect_scene(paths: Sequence[Path], *, exposures: Sequence[float] | None = None) -> dict[str, Any]:
    """Report on the frames of a bracket, in the order in which `--exposures` counts them, from their headers."""
    scene = find_scene(paths)
    headers = [read_header(path) for path in scene.files]
    warnings, problem = list(scene.warnings), None
    found: list[Exposure] | None = None
    try:
        if (orientation := common_orientation(headers)) is not None:
            warnings += [differing(header, orientation) for header in headers if header.orientation != orientation]
        check_alike([taken_as(header, orientation) for header in headers])
        found, noted = infer_exposures(headers, given=exposures, folder=scene.folder)
        warnings += noted
    except BracketError as error:
        problem = str(error)
    frames = []
    for index, header in enumerate(headers):
        exposure = {"ev": None, "ev_source": None} if found is None else {
            "ev": round(found[index].ev, 4), "ev_source": found[index].source
        }  # fmt: skip
        frames.append({**described(header), **exposure})
    return {"kind": "bracket", "scene": scene.name, "frames": frames, "warnings": warnings, "problem": problem}


def inspect_radiance(header: ImageHeader) -> dict[str, Any]:
    """Report on linear floats: header, how the file was made, and what its luminance spans."""
    facts = read_facts(header.path)
    return {
        "kind": "radiance",
        **described(header),
        "white_luminance_cd_m2": facts.white_luminance_cd_m2,
        "provenance": facts.provenance,
        "radiance": span(read_image(header.path).pixels, header.chromaticities),
    }


def inspect_weights(path: Path) -> dict[str, Any]:
    """Report on a weights file: the network's sizes, how it was trained, its checksum."""
    from hdrfuse.lfdiff.weights import load_weights  # imports torch

    model, metadata = load_weights(path)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"kind": "weights", "path": str(path), "parameters": parameters, **asdict(metadata)}


def described(header: ImageHeader) -> dict[str, Any]:
    """What a header says, in plain types."""
    return {
        "path": str(header.path),
        "size": [header.width, header.height],
        "channels": header.channels,
        "bits": stored_bits(header),
        "linear": header.linear,
        "color_space": color_space(header.chromaticities),
        "chromaticities": list(header.chromaticities),
        "capture": header.capture.as_json(),
    }


def stored_bits(header: ImageHeader) -> int:
    """Bits of a sample as the file stores it: 16 for OpenEXR's half."""
    if header.path.suffix.lower() != ".exr":
        return BITS[header.dtype]
    with header.path.open("rb") as stream:
        layout = read_layout(stream, header.path.stat().st_size)
    return 8 * max(SAMPLE_BYTES[kind] for kind in layout.channels.values())


def color_space(chromaticities: Chromaticities) -> str | None:
    """Return the common name of a set of primaries, None for others."""
    close = (name for name, known in COLOR_SPACES.items() if np.allclose(known, chromaticities, atol=2e-3))
    return next(close, None)


def span(radiance: Pixels, chromaticities: Chromaticities) -> dict[str, Any]:
    """Smallest and largest value of radiance (H, W, 3), percentiles of its luminance, and the stops between them."""
    step = max(1, int(np.sqrt(radiance.shape[0] * radiance.shape[1] / SAMPLES)))
    values = luminance(radiance[::step, ::step], chromaticities)
    levels = [float(level) for level in np.percentile(values, PERCENTILES)]
    low = levels[0] if levels[0] > 0 else float(values[values > 0].min(initial=np.inf))
    return {
        "minimum": float(radiance.min()),
        "maximum": float(radiance.max()),
        "luminance_percentiles": {f"{at:g}": level for at, level in zip(PERCENTILES, levels, strict=True)},
        "dynamic_range_ev": round(float(np.log2(levels[-1] / low)), 2) if 0 < low < levels[-1] else 0.0,
    }
