"""`hdrfuse merge`."""

from typing import Any

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.console import console_of
from hdrfuse.deghosting.methods import DEFAULT_METHOD


def merge(
    context: typer.Context,
    scene: o.SceneArgument,
    out: o.OutOption = None,
    method: o.MethodOption = DEFAULT_METHOD,
    exposures: o.ExposuresOption = None,
    reference: o.ReferenceOption = "auto",
    align: o.AlignOption = True,
    response: o.ResponseOption = "auto",
    blend: o.BlendOption = True,
    weights: o.WeightsOption = None,
    device: o.DeviceOption = "auto",
    precision: o.PrecisionOption = "auto",
    tile: o.TileOption = "auto",
    steps: o.StepsOption = 10,
    seed: o.SeedOption = 0,
    preview: o.PreviewOption = True,
    tonemap: o.TonemapOption = "reinhard",
    ghost_map: o.GhostMapOption = None,
    save_response: o.SaveResponseOption = None,
    half: o.HalfOption = None,
    compression: o.CompressionOption = None,
    overwrite: o.OverwriteOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Merge one bracket into an HDR image.

    Example: hdrfuse merge shots/beach --out beach.exr
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.brackets.exposure import parse_evs  # imports numpy: keep `hdrfuse --help` instant
    from hdrfuse.brackets.scene import find_scene
    from hdrfuse.formats.names import fitting
    from hdrfuse.job import MergeJob
    from hdrfuse.options import MergeOptions
    from hdrfuse.outputs import Outputs

    found = find_scene(scene)
    radiance = out or found.beside(".exr")
    job = MergeJob(
        scene=found,
        exposures=None if exposures is None else parse_evs(exposures),
        reference=reference,
        options=MergeOptions(
            method=method, align=align, response=response, weights=weights, blend=blend, device=device,
            precision=precision, tile=o.tile_px(tile), steps=steps, seed=seed,
        ),
        outputs=Outputs(
            radiance=radiance, preview=radiance.with_name(fitting(radiance.stem, ".preview.jpg")) if preview else None,
            ghost_map=ghost_map, response=save_response, tonemap=tonemap, half=half, compression=compression,
            overwrite=overwrite,
        ),
    )  # fmt: skip
    job.check()
    with console.progress() as progress:
        report = job.run(progress, placed=console.finish)
    console.detail(*details(report))
    for warning in report["warnings"]:
        console.warn(warning)
    if json:
        console.json(report)
    else:
        console.result(*summary(report))


def summary(report: dict[str, Any]) -> list[str]:
    """What was made, in a line, and the other files, each in one below it."""
    width, height = report["size"]
    reference_ev = report["inputs"][report["reference"]["index"]]["ev"]
    evs = " ".join(f"{entry['ev'] - reference_ev:+.1f}" for entry in report["inputs"])
    radiance, *others = report["outputs"].values()
    facts = (
        f"{width} x {height}, {len(report['inputs'])} frames ({evs} EV), {report['ghost_fraction']:.1%} moved, "
        f"{report['seconds']['total']:.1f} s"
    )
    return [f"{radiance}  {facts}", *others]


def details(report: dict[str, Any]) -> list[str]:
    """What `-v` shows: each frame's exposure and motion, the response, the seconds of each stage."""
    lines = [
        f"{entry['name']}: {entry['ev']:+.2f} EV ({entry['ev_source']}), gain {entry['gain_ev']:+.2f} EV, "
        f"shift {entry.get('shift_px', 0.0):.1f} px ({entry.get('registration', 'not aligned')}), "
        f"{entry['ghost_fraction']:.1%} moved"
        for entry in report["inputs"]
    ]
    response = report["response"]
    lines.append(f"reference: {report['reference']['name']}")
    lines.append(f"response: {response['curve']}, residual {response['residual_ev']} EV")
    if network := report["network"]:
        tiles = f"{network['tiles']} of {network['tiles'] + network['settled_tiles']} tiles of {network['tile_px']} px"
        lines.append(
            f"network: {network['weights']}, {tiles}, {network['precision']} on {network['device']}, "
            f"saw {', '.join(network['frames'])}"
        )
    lines.append("seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report["seconds"].items()))
    return lines
