"""`hdrfuse bench`."""

import re
import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.console import Progress, console_of
from hdrfuse.errors import UsageError

What = Literal["speed", "quality", "images", "stacks", "settings", "all"]
Bits = Literal["8", "16"]
BITS: dict[Bits, Literal[8, 16]] = {"8": 8, "16": 16}

LARGEST_PIXELS = 200_000_000
"""As large as --megapixels may be."""

WhatOption = Annotated[What, typer.Option(help="What is measured.")]
MegapixelsOption = Annotated[str, typer.Option(metavar="MP,MP,...", help="Speed: sizes of the photographs.")]
RepeatOption = Annotated[
    int, typer.Option(min=1, max=1000, help="Speed: runs of each tool, in turn; the median counts.")
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="WxH",
        help="Quality, images: size of the scenes.",
        show_default="1024x768; images 768x512, with --camera 768x576",
    ),
]
SeedsOption = Annotated[
    int, typer.Option(min=1, max=10_000, help="Quality, images: how many scenes of each kind of motion.")
]
NoiseOption = Annotated[
    float,
    typer.Option(min=0.0, max=1e6, callback=o.finite,
                 help="Quality, images: variance of the sensor's noise, ISO 200 = 1."),
]  # fmt: skip
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default=False,
        help="Also: quality on scenes made from the HDR images in DIR that training never reads.",
    ),
]  # fmt: skip
MoversOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default="folders named foreground in --images",
        help="Images: cut-outs (*.out.png) and photos that move in front.",
    ),
]  # fmt: skip
BitsOption = Annotated[Bits, typer.Option(help="Images: bits a channel of the frames.")]
SettingOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", show_default=False,
        help="Settings: the constant that is varied, such as blend.fill_error, or a group of them: blend.",
    ),
]  # fmt: skip
ValuesOption = Annotated[
    str | None,
    typer.Option(metavar="V,V,...", help="Settings: its values.", show_default="half, once and twice the one in use"),
]
CameraOption = Annotated[
    bool,
    typer.Option(
        "--camera",
        help="Images: frames as cameras' JPEG engines write them, scored after one smooth tone a channel.",
    ),
]
StacksOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default=False,
        help="Also: steps that no frame shows, noise and calibration of your own brackets, one folder each in DIR.",
    ),
]  # fmt: skip
StillOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME,...", show_default=False, help="Stacks: folders in which nothing moved."
    ),
]  # fmt: skip


def bench(
    context: typer.Context,
    what: WhatOption = "all",
    megapixels: MegapixelsOption = "1.5,24",
    repeat: RepeatOption = 3,
    size: SizeOption = None,
    seeds: SeedsOption = 8,
    noise: NoiseOption = 1.0,
    images: ImagesOption = None,
    movers: MoversOption = None,
    bits: BitsOption = "16",
    camera: CameraOption = False,
    stacks: StacksOption = None,
    still: StillOption = None,
    setting: SettingOption = None,
    values: ValuesOption = None,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Measure speed and quality on this machine, beside OpenCV on the same pictures.

    Example: hdrfuse bench --what speed --megapixels 1.5
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    sizes_mp = parse_megapixels(megapixels)
    drawn_size = parse_size(size or "1024x768")
    image_size = parse_size(size or ("768x576" if camera else "768x512"))
    check_images(what, images, movers, camera=camera)
    check_stacks(what, stacks, still)
    check_setting(what, setting, values)
    from hdrfuse.benchmark.camera_images import measure_camera_images
    from hdrfuse.benchmark.images import measure_images  # imports numpy: keep `--help` instant
    from hdrfuse.benchmark.quality import measure_quality
    from hdrfuse.benchmark.settings import measure_settings
    from hdrfuse.benchmark.speed import measure_speed
    from hdrfuse.benchmark.stacks import find_stacks, measure_stacks
    from hdrfuse.benchmark.tables import Results
    from hdrfuse.machine import this_machine

    named_still = () if still is None else still.split(",")
    folders = None if stacks is None else find_stacks(stacks, named_still)
    speed, quality, settings = what in ("speed", "all"), what in ("quality", "all"), what == "settings"
    collages = images is not None and not settings
    many = range(seeds)
    with console.progress() as progress:
        parts = speed + quality + collages + (folders is not None) + settings
        share = iter(part_of(progress, index, parts) for index in range(parts))
        appearances, calibrations = (
            ((), ()) if folders is None else measure_stacks(folders, named_still, progress=next(share))
        )
        results = Results(
            machine=this_machine(),
            speed=measure_speed(sizes_mp, repetitions=repeat, progress=next(share)) if speed else (),
            quality=measure_quality(many, size=drawn_size, noise=noise, progress=next(share)) if quality else (),
            images=measure_images(
                images, movers, many, size=image_size, bits=BITS[bits], noise=noise, progress=next(share)
            )
            if images is not None and collages and not camera
            else (),
            camera=measure_camera_images(images, movers, many, size=image_size, progress=next(share))
            if images is not None and collages and camera
            else (),
            stacks=appearances,
            calibration=calibrations,
            settings=measure_settings(
                setting,
                values,
                many,
                images,
                movers,
                size=drawn_size if images is None else image_size,
                bits=BITS[bits],
                noise=noise,
                progress=next(share),
            )
            if setting is not None
            else (),
        )
        progress("done", 1.0)
    if json:
        console.json(results.as_json())
    else:
        console.result(*results.as_text(width=max(120, shutil.get_terminal_size().columns)).split("\n"))


def check_images(what: What, images: Path | None, movers: Path | None, *, camera: bool) -> None:
    """Raise UsageError if images are to be measured and none are named, or a camera has nothing to photograph."""
    if what == "images" and images is None:
        raise UsageError("--what images needs --images DIR with HDR images (.exr, .hdr)")
    if camera and images is None:
        raise UsageError("--camera goes with --images DIR, whose HDR images it photographs")
    if movers is not None and images is None:
        raise UsageError("--movers goes with --images DIR; it holds what moves in front of those")


def check_stacks(what: What, stacks: Path | None, still: str | None) -> None:
    """Raise UsageError if stacks are to be measured, or called still, and none are named."""
    if what == "stacks" and stacks is None:
        raise UsageError("--what stacks needs --stacks DIR with your own brackets, a folder each")
    if still is not None and stacks is None:
        raise UsageError("--still goes with --stacks DIR; it names folders in that")


def check_setting(what: What, setting: str | None, values: str | None) -> None:
    """Raise UsageError if settings are to be measured and none is named, or one or its values to no purpose."""
    if setting is not None and values is not None:
        from hdrfuse.benchmark.settings import setting_names  # imports numpy: keep `hdrfuse --help` instant

        if len(names := setting_names(setting)) > 1:
            fields = ", ".join(name.partition(".")[2] for name in names)
            raise UsageError(
                f"--values {values}: are of one setting, such as {names[0]}; --setting {setting} is a group: {fields}"
            )
    if what == "settings" and setting is None:
        raise UsageError("--what settings needs --setting NAME, such as blend.fill_error")
    if what != "settings" and (setting is not None or values is not None):
        raise UsageError("--setting and --values go with --what settings")


def part_of(progress: Progress, index: int, parts: int) -> Progress:
    """Progress of one of several parts of like length."""
    return lambda stage, share: progress(stage, (index + share) / parts)


def parse_megapixels(text: str) -> list[float]:
    """Read sizes like `1.5,24`. Raises UsageError for anything that is no photograph's size."""
    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(0.01 <= size <= 200 for size in sizes):
        raise UsageError(f"--megapixels {text}: numbers from 0.01 to 200 with commas between were expected")
    return sizes


def parse_size(text: str) -> tuple[int, int]:
    """Read a size like `1024x768`. Raises UsageError for anything else, and for what is no photograph's size."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    width, height = (int(match[1]), int(match[2])) if match is not None else (0, 0)
    if not 0 < width * height <= LARGEST_PIXELS:
        most = f"{LARGEST_PIXELS // 1_000_000} megapixels at most"
        raise UsageError(f"--size {text}: width and height like 1024x768 were expected, {most}")
    return width, height
