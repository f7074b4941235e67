"""The benchmark's results as tables for a terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from math import isnan
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from hdrfuse.benchmark.camera_images import CameraQuality
from hdrfuse.benchmark.disagreement import Disagreement
from hdrfuse.benchmark.images import ImageQuality
from hdrfuse.benchmark.quality import Quality
from hdrfuse.benchmark.setting_values import shown
from hdrfuse.benchmark.settings import SettingScore
from hdrfuse.benchmark.speed import Timing
from hdrfuse.benchmark.stacks import MOST_MOVED, Appearance
from hdrfuse.machine import Machine
from hdrfuse.text import counted


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that one run of the benchmark measured."""

    machine: Machine
    speed: Sequence[Timing] = ()
    quality: Sequence[Quality] = ()
    images: Sequence[ImageQuality] = ()
    camera: Sequence[CameraQuality] = ()
    stacks: Sequence[Appearance] = ()
    calibration: Sequence[Disagreement] = ()
    settings: Sequence[SettingScore] = ()

    @property
    def warnings(self) -> list[str]:
        """Values of settings under which a merge fails, and why, each once."""
        failures = {(each.setting, each.value): each.failure for each in self.settings if each.failure is not None}
        return [f"{setting} {shown(value)}: the merge fails: {reason}" for (setting, value), reason in failures.items()]

    def as_json(self) -> dict[str, Any]:
        """Return everything in plain types."""
        return {
            "machine": asdict(self.machine),
            "speed": [{**asdict(timing), "median_s": round(timing.median_s, 3)} for timing in self.speed],
            "quality": [{**asdict(quality), "mean_db": round(quality.mean_db, 3)} for quality in self.quality],
            "images": [
                {**asdict(quality), "mean_db": round(quality.mean_db, 3), "least_db": quality.least_db}
                for quality in self.images
            ],
            "camera": [{**asdict(quality), "mean_db": round(quality.mean_db, 3)} for quality in self.camera],
            "stacks": [{**asdict(stack), "moved_too_much": stack.moved_too_much} for stack in self.stacks],
            "calibration": [asdict(stack) for stack in self.calibration],
            "settings": [{**asdict(score), "mean_db": round(score.mean_db, 3)} for score in self.settings],
        }

    def as_text(self, *, width: int) -> str:
        """Return the machine and a table for each part that was measured, `width` characters wide at most."""
        tables: list[Table] = []
        if self.speed:
            tables += [speed_table(self.speed), stages_table(self.speed)]
        if self.quality:
            tables.append(quality_table(self.quality))
        motions = dict.fromkeys(quality.motion for quality in self.images)
        tables += [images_table([each for each in self.images if each.motion == motion]) for motion in motions]
        if self.camera:
            tables.append(camera_table(self.camera))
        if self.stacks:
            tables.append(stacks_table(self.stacks))
        if self.calibration:
            tables.append(calibration_table(self.calibration))
        if self.settings:
            tables.append(settings_table(self.settings))
        text = StringIO()
        console = Console(file=text, width=width, color_system=None, emoji=False)
        console.print(str(self.machine), highlight=False, soft_wrap=True)
        for table in tables:
            console.print(table)
        return text.getvalue().rstrip()


def speed_table(timings: Sequence[Timing]) -> Table:
    """Seconds, memory and the ratio to OpenCV's seconds."""
    table = Table(
        title="Speed: whole runs in fresh processes, JPEG files to EXR and preview (hdrfuse) or .hdr (OpenCV)"
    )
    table.add_column("input")
    table.add_column("tool")
    for name in ("s, median", "s, least", "s, most", "ratio", "CPU s", "peak MB"):
        table.add_column(name, justify="right")
    for timing in timings:
        seconds = (timing.median_s, min(timing.seconds), max(timing.seconds))
        ratio = "" if timing.ratio is None else f"{timing.ratio:.2f}"
        shape = f"{timing.frames} x {timing.megapixels:.1f} MP" if timing.frames else ""
        table.add_row(shape, timing.tool, *(f"{each:.2f}" for each in seconds), ratio,
                      f"{timing.processor_s:.2f}", f"{timing.peak_memory_mb:.0f}")  # fmt: skip
    return table


def stages_table(timings: Sequence[Timing]) -> Table:
    """Seconds a stage, as the tools report them; each picture is a column."""
    columns = [timing for timing in timings if timing.stages]
    table = Table(title="Seconds a stage, median")
    table.add_column("stage")
    for timing in columns:
        table.add_column(f"{timing.tool.partition(' Align')[0]} {timing.megapixels:.1f} MP", justify="right")
    for stage in dict.fromkeys(stage for timing in columns for stage in timing.stages):
        seconds_by_column = [timing.stages.get(stage) for timing in columns]
        table.add_row(stage, *("" if seconds is None else f"{seconds:.2f}" for seconds in seconds_by_column))
    return table


def quality_table(qualities: Sequence[Quality]) -> Table:
    """Mean PSNR-mu of every method on every motion."""
    motions = list(dict.fromkeys(quality.motion for quality in qualities))
    methods = list(dict.fromkeys(quality.method for quality in qualities))
    means = {(quality.method, quality.motion): quality.mean_db for quality in qualities}
    scenes = len(qualities[0].psnr_mu_db)
    table = Table(title=f"Quality: PSNR-mu in dB over the whole frame, mean of {scenes} a column")
    table.add_column("method")
    for motion in motions:
        table.add_column(motion, justify="right")
    for method in methods:
        table.add_row(method, *(f"{means[method, motion]:.1f}" for motion in motions))
    return table


def images_table(qualities: Sequence[ImageQuality]) -> Table:
    """PSNR-mu of every scene by every method on one kind of motion, with mean and least."""
    table = Table(title=f"Quality on images, {qualities[0].motion}: PSNR-mu in dB over the whole frame")
    table.add_column("scene", no_wrap=True)
    for quality in qualities:
        table.add_column(quality.method, justify="right")
    for index, scene in enumerate(qualities[0].scenes):
        last = index == len(qualities[0].scenes) - 1
        scores = (f"{quality.psnr_mu_db[index]:.1f}" for quality in qualities)
        table.add_row(scene, *scores, end_section=last)
    table.add_row("mean", *(f"{quality.mean_db:.1f}" for quality in qualities))
    table.add_row("least", *(f"{quality.least_db:.1f}" for quality in qualities))
    return table


def camera_table(qualities: Sequence[CameraQuality]) -> Table:
    """PSNR-mu, seams and share called moved of every method on every motion, on cameras' files."""
    scenes = counted(len(qualities[0].scores), "scene")
    table = Table(title=f"Quality on cameras' JPEG files, after one smooth tone a channel, {scenes} a row")
    table.add_column("motion")
    table.add_column("method")
    for name in ("PSNR-mu, dB", "seam, stops (median)", "called moved (median)", "called moved (most)"):
        table.add_column(name, justify="right")
    for quality in qualities:
        table.add_row(
            quality.motion, quality.method, f"{quality.mean_db:.1f}", f"{quality.seam_stops:.3f}",
            f"{quality.moved:.1%}", f"{quality.most_moved:.1%}",
        )  # fmt: skip
    return table


def stacks_table(stacks: Sequence[Appearance]) -> Table:
    """Steps along the borders of decisions, share called moved and noise of every stack by every method."""
    bound = f"; * more than {MOST_MOVED:.0%} though still" if any(stack.still for stack in stacks) else ""
    table = Table(title=f"Stacks: stops that no frame shows along the borders of decisions{bound}")
    table.add_column("stack", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for name in ("frames", "border px", "median", "99 %", "called moved", "shadow noise / longest frame's"):
        table.add_column(name, justify="right")
    for stack in stacks:
        measured = (stack.borders.median_ev, stack.borders.high_ev, stack.shadow_noise)
        *steps, noise = ("" if each is None else f"{each:.2f}" for each in measured)
        moved = f"{stack.moved:.1%}" + (" still" if stack.still else "") + (" *" if stack.moved_too_much else "")
        table.add_row(stack.stack, stack.method, str(stack.frames), str(stack.borders.border_px), *steps, moved, noise)
    return table


def calibration_table(stacks: Sequence[Disagreement]) -> Table:
    """Stops of disagreement in every stack."""
    table = Table(title="Calibration: median disagreement of neighbouring frames in stops")
    table.add_column("stack")
    for name in ("frames", "taken as sRGB", "calibrated", "with gains"):
        table.add_column(name, justify="right")
    table.add_column("curve")
    for stack in stacks:
        errors = (stack.srgb_ev, stack.calibrated_ev, stack.with_gains_ev)
        table.add_row(
            stack.stack, str(stack.frames), *("" if error is None else f"{error:.2f}" for error in errors), stack.curve
        )
    return table


def settings_table(scores: Sequence[SettingScore]) -> Table:
    """Mean PSNR-mu under every value of every setting, and the mean change from the value in use."""
    motions = list(dict.fromkeys(score.motion for score in scores))
    means = {(score.setting, score.value, score.motion): score.mean_db for score in scores}
    in_use = {score.setting: score.value for score in scores if score.in_use}
    scenes = counted(len(scores[0].psnr_mu_db), "scene")
    table = Table(title=f"Settings: PSNR-mu in dB over the whole frame, mean of {scenes} a column; * is in use")
    table.add_column("setting", no_wrap=True)
    for name in ("value", *motions, "mean", "change"):
        table.add_column(name, justify="right")
    for setting, value in dict.fromkeys((score.setting, score.value) for score in scores):
        row = [means[setting, value, motion] for motion in motions]
        change = fmean(row) - fmean(means[setting, in_use[setting], motion] for motion in motions)
        marked = shown(value) + (" *" if value == in_use[setting] else "")
        cells = ("fails" if isnan(db) else f"{db:.2f}" for db in (*row, fmean(row)))
        table.add_row(setting, marked, *cells, "" if isnan(change) else f"{change:+.3f}")
    return table
