"""Small runs and evaluations to make pages of."""

from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

from hdrfuse.evaluation.results import Box, EvaluatedScene, Evaluation, Metric, Pictures, Score
from hdrfuse.evaluation.table import Row, Table
from hdrfuse.report.batch_run import BatchFrame, BatchRun, BatchScene, Status

ODD_NAME = 'Zoë\'s <b>"day"</b> & \N{HOUSE WITH GARDEN}\N{VARIATION SELECTOR-16}/100%#1?'
"""What HTML, CSS, URLs and terminals stumble over."""

LEFT, RIGHT = (200, 40, 40), (40, 60, 200)
"""Colours of the pictures on either side of the sliders."""


def jpeg(path: Path, color: tuple[int, int, int] = (128, 128, 128), size: tuple[int, int] = (480, 320)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, "JPEG", quality=95)
    return path


def photograph(path: Path, seed: int, size: tuple[int, int] = (1200, 800)) -> Path:
    """Noise over a gradient: it compresses as badly as leaves do."""
    noise = np.random.default_rng(seed).normal(0, 24, (size[1], size[0], 3))
    slope = np.linspace(40, 210, size[0])[None, :, None]
    Image.fromarray(np.clip(slope + noise, 0, 255).astype(np.uint8)).save(path, "JPEG", quality=90)
    return path


def batch_scene(folder: Path, name: str, *, total_s: float = 2.0, warnings: tuple[str, ...] = ()) -> BatchScene:
    pictures = folder / "pictures"
    frames = tuple(
        BatchFrame(
            name=f"IMG_{index}.JPG", ev=9.0 + 2 * index, ev_source="EXIF", exposure_time_s=0.004 * 4**index, f_number=8,
            iso=100, shift_px=None if index == 1 else 1.25, ghost_fraction=0.01, reference=index == 1,
        )
        for index in range(3)
    )  # fmt: skip
    return BatchScene(
        name=name, status=Status.DONE, files={"radiance": folder / f"{name}.exr"}, frames=frames, warnings=warnings,
        preview=jpeg(pictures / "ours.jpg", RIGHT), naive=jpeg(pictures / "naive.jpg", LEFT),
        ghost_map=jpeg(pictures / "ghosts.jpg"), seconds={"reading": 0.5, "total": total_s}, size_px=(6000, 4000),
        ghost_fraction=0.034, captured_at=datetime(2026, 5, 1, 18, 30), camera="A camera", peak_memory_mb=900.0,
    )  # fmt: skip


def batch_run(folder: Path, scenes: tuple[BatchScene, ...]) -> BatchRun:
    return BatchRun(
        root=folder / "shoot", out=folder, scenes=scenes, started_at=datetime(2026, 5, 2, 9, 0), seconds=125.0,
        version="1.0", method="lfdiff",
    )  # fmt: skip


def five_scenes(folder: Path) -> tuple[BatchScene, ...]:
    """Two good ones, one with a warning and an odd name, one failed, one not tried."""
    return (
        batch_scene(folder, "beach10", total_s=9.0),
        batch_scene(folder, "beach2", total_s=10.0),
        batch_scene(folder, ODD_NAME, total_s=1.5, warnings=("a.jpg: moved too far",)),
        BatchScene(name="attic", status=Status.FAILED, reason="attic/b.jpg: truncated JPEG", seconds={"total": 0.1}),
        BatchScene(name="cellar", status=Status.SKIPPED, reason="interrupted before"),
    )


METRICS = (Metric(name="PSNR-mu", unit="dB", decimals=2), Metric(name="SSIM-mu", unit="", decimals=4))


def score(folder: Path, method: str, psnr: float, ssim: float, color: tuple[int, int, int]) -> Score:
    pictures = Pictures(
        preview=jpeg(folder / "p" / f"{color[0]}.jpg", color),
        crops=(jpeg(folder / "p" / f"{color[0]}-crop.jpg", color, (32, 32)),),
        error_map=jpeg(folder / "p" / f"{color[0]}-error.jpg", (0, 0, 0)),
    )
    values = {"PSNR-mu": psnr, "SSIM-mu": ssim}
    return Score(method=method, values=values, seconds=1.25, pictures=pictures, warnings=("a warning of it",))


def evaluation(folder: Path) -> Evaluation:
    """Two scenes by two methods; one is perfect by one method, one failed by the other."""
    methods = ("lfdiff", ODD_NAME)
    truth = Pictures(preview=jpeg(folder / "p" / "t.jpg"), crops=(jpeg(folder / "p" / "tc.jpg"),), error_map=None)
    first = EvaluatedScene(
        name="scene-1", group="moving", size=(1500, 1000), evs=(-2.0, 0.0, 2.0), details="from a.exr", truth=truth,
        scores=(score(folder, methods[0], 41.234, 0.99, LEFT), score(folder, methods[1], 38.5, 0.995, RIGHT)),
        frames=(truth.preview,) * 3, crops=(Box(left=10, top=20, width=32, height=32),),
    )  # fmt: skip
    second = EvaluatedScene(
        name=ODD_NAME, group="static", size=None, evs=(),
        scores=(
            Score(method=methods[0], values={"PSNR-mu": float("inf"), "SSIM-mu": 1.0}),
            Score(method=methods[1], values={}, failure="b.hdr: is <not> there"),
        ),
    )  # fmt: skip
    table = Table(
        title="Table 1", columns=("method", "PSNR-mu"), notes=("Mean of 2 & more.",),
        rows=(Row(cells=(ODD_NAME, "40.00")), Row(cells=("Theirs", "44.76"), kind="published")),
    )  # fmt: skip
    return Evaluation(
        dataset="kalantari", metrics=METRICS, methods=methods, scenes=(first, second), tables=(table,),
        caption=("Clipped to [0, 1].",), warnings=("1 scene is odd",),
    )  # fmt: skip
