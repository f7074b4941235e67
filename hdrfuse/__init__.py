"""Ghost-free HDR images from bracketed photos of moving scenes.

Example: hdrfuse.merge("shots/beach").radiance

The package, from the bottom to the top; a module imports from its own folder and from lines above it:

errors, command_option, free_memory, seeds, text, threads   what all may use; each error with its exit status
setting_limits                  which numbers a constant may be
formats                         files to arrays and back: a module a format, EXIF, colour profiles, atomic writing
  formats/reading, formats/kinds     which reader takes a file, what its header says
brackets                        which files are one bracket, and what are their exposures?
  brackets/scene                     the frames of one scene
  brackets/grouping                  a folder of shots divided into brackets
imaging                         from frames to a radiance map, by numpy and OpenCV alone
  imaging/calibration                the camera response, the black level, exposures by the pictures
  imaging/registration               how the camera moved, and frames warped to the reference
  imaging/merging                    what moved (ghosts), how much each frame weighs, hidden highlights
  imaging/display                    tone mapping of previews, the ghost map
lfdiff                          the network LF-Diff: layers, diffusion, inference on one tile, weights files
metrics                         PSNR, SSIM, PU21, HDR-VDP-2: one picture against its reference
inspection, machine, memory, merge_plan, merge_report, progress, stopping   what files and merges say; the process
deghosting                      the methods; a network run over a whole bracket: tiles, coarse to fine, blending
options                         what a merge may be told
pipeline                        the steps of a merge in their order, from frames to radiance
outputs                         the files that a merge leaves, written together or not at all
job, api                        one merge from files to files; `hdrfuse.merge`
data                            brackets with known radiance: the demo, collages, procedural scenes, public sets
training                        a run: recipe, samples, losses, optimiser, checkpoints, several processes
evaluation                      a data set scored: methods, protocol, the papers' tables
benchmark                       speed and quality on this machine, beside OpenCV
report                          the HTML pages of batch and eval
batch                           many brackets: plan, worker processes, journal, summary
cli                             the commands: parse, call, print; exceptions become exit statuses
__main__                        `python -m hdrfuse`
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdrfuse.api import merge
    from hdrfuse.options import MergeOptions
    from hdrfuse.pipeline import Merged

__version__ = "0.2.0"

__all__ = ["MergeOptions", "Merged", "__version__", "merge"]

_HOMES = {"merge": "hdrfuse.api", "MergeOptions": "hdrfuse.options", "Merged": "hdrfuse.pipeline"}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: `import hdrfuse` itself costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hdrfuse' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
