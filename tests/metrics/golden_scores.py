"""Pictures with the scores that reference software gave them: three pairs here, seven where they are at hand."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parents[1] / "golden"
ALL = Path(__file__).parents[3] / "shared" / "golden"

COMMITTED = ("05_bright", "06_tone", "10_small64")
OTHERS = ("01_identical", "02_noise", "03_blur", "07_oddsize_munoise")
MISSING = f"no golden vectors in {ALL}"


def pair(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """An image (H, W, 3) and its reference."""
    if name not in COMMITTED:
        image, reference = (np.load(ALL / "inputs" / f"{name}_{part}.npy") for part in ("test", "ref"))
        return image, reference
    with np.load(HERE / "pairs.npz") as stored:
        if name == "10_small64":
            return stored["10_small64_test"], stored["10_small64_ref"]
        reference = stored["05_06_ref"]
        brighter = np.minimum(np.float32(1.08) * reference, np.float32(1))
        return brighter if name == "05_bright" else stored["06_tone_test"], reference


def psnr_ssim(name: str) -> dict[str, float]:
    """Scores of PSNR, SSIM and PU21-PSNR of a pair."""
    path = HERE / "psnr_ssim.json" if name in COMMITTED else ALL / "psnr_ssim_golden.json"
    row = next(row for row in json.loads(path.read_text())["results"] if row["pair"] == name)
    return {score: float(value) for score, value in row.items() if score != "pair"}


def hdrvdp(name: str) -> list[dict]:
    """HDR-VDP-2.2.2 of a pair, a row for each setting."""
    path = HERE / "hdrvdp222.json" if name in COMMITTED else ALL / "hdrvdp222_golden.json"
    stored = json.loads(path.read_text())
    options = stored["meta"].get("options", {})
    return [{"options": options.get(row["config"], {}), **row} for row in stored["results"] if row["pair"] == name]
