"""What frames may differ by where nothing moved, and what is taken for a ghost."""

from dataclasses import dataclass

from hdrfuse.setting_limits import Range, Settings


@dataclass(frozen=True, kw_only=True)
class ConsistencySettings(Settings):
    """What may differ between two frames of a place that stood still.

    Beside white, values that noise or compression pulled down are bounds: they had made ghosts along every highlight of
    the longer frames. Below a curve's toe an error is the same for neighbours: ten dark frames above a raised black
    were taken for moved, and none of them are since.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four
    procedural scenes, by `hdrfuse bench --what settings --setting consistency --seeds 1 --size 192x128 --noise 0.15`:
    scenes so small that lengths in pixels count double. Shoulder and toe are of cameras' curves, which they lack:
    theirs are of four collages as a camera model writes them, `--size 384x256 --images DIR --movers DIR --camera`.
    """

    shoulder: Range = (0.5, 0.95)
    """Exposure over which a camera's picture stops to follow its own curve: one channel drags the others to white.

    Half / twice: -0.02 / +0.03.
    """
    shoulder_tolerance: float = 0.07
    """Standard deviation, as a share of the radiance, that this adds to a camera picture's near whites.

    Half / twice: +0.01 / +0.03.
    """
    mixed: float = 0.1
    """Of what a clipped channel lacks, how much a camera's colour matrix may have left in the channels beside it.

    Lamps in still made brackets are taken for moved without it (2.7 % of a scene in stage light), and not from 0.05 on.
    Half / twice, five brackets of three lit scenes of a camera model's validation split: two still ones 0 / 0; moving
    ones -0.54 / +0.89, +0.06 / -0.04 and, where a bright thing moves, +0.11 / -0.43.
    """
    mixed_in_frame: float = 0.3
    """The same where not the picture clips but the frame that is compared with it, and says nothing of the light there.

    Cameras' matrices (camera_model/color_matrices.py, inverted) take 0.25 to 0.58 of green from blue. A wall under a
    yellow lamp, five still brackets of cameras that the model has not: 4.8 to 5.9 % taken for moved with 0.1, none from
    0.2 on; of what moved in five others 95.1 % is found with 0.1, 95.0 with 0.2 and 94.8 with 0.6. Half / twice, of
    four collages as a camera model writes them: 0 / 0.
    """
    scales_px: tuple[float, float] = (1.0, 3.5)
    """Standard deviations of the windows over which differences are averaged. Half / twice: +0.81 / +0.68."""
    spacing_px: tuple[int, int] = (12, 16)
    """Distance, for each of them, of points whose means have next to no noise in common, soft by up to 3 pixels.

    Half / twice: 0 / 0.
    """
    clipped_by: float = 4.0
    """Standard deviations by which noise may have moved a value over the limit of clipping. Half / twice: 0 / +0.05."""
    beside_px: int = 4
    """Pixels from a clipped one within which others may be clipped too: half a block of a JPEG. Half / twice: 0 / 0."""
    interpolated_px: int = 2
    """Pixels from a clipped one within which demosaicing took it into what it interpolated: half a period of the
    mosaic and one that directions are chosen by.

    Nine still RAW brackets without it: 0 to 6.3 % taken for moved, with it at most 1.4.
    """
    cut_off: float = 0.64
    """Times p (1 - p): squared error, in the noise's variance, of a mean whose noise white cuts off in a share p.

    Derived: where white cuts off half of a normal distribution, its mean moves by 0.40 of its standard deviation.
    """
    weak: float = 3.0
    """Differences, in standard deviations, as far as which a ghost reaches. Half / twice: 0 / +0.01."""
    strong: float = 5.0
    """Difference, in standard deviations, that a ghost holds somewhere. Half / twice: +0.01 / +0.17."""
    texture: float = 0.6
    """Share of the variance of detail, finer than a pixel or two, by which it differs where it stood still: sharpening,
    compression, aliasing.

    A share of 0.3 of all variance hid edges that moved by three pixels. Of movers in 15 collages, by a camera that the
    model has not, 0.46 and more is found by that, 0.73 by 0.6 of detail and 0.77 by 0.3; in 15 still ones at most 0.9,
    0.9 and 1.1 % is taken for moved. Half / twice: -0.01 / +0.04.
    """
    detail_px: float = 6.0
    """Pixels over which it is one error where another channel's detail clips: its mean is the surer for it.

    Without it 11 and 4 % of two still RAW brackets are taken for moved, with 1.5 to 12 pixels of it none and up to 0.1.
    """
    toe: float = 0.5
    """Standard deviation of light that a frame holds nothing of, as a share of what is missing to its curve's toe.

    Half / twice: 0 / +0.01.
    """
    energetic: float = 1.8
    """Local energy, as a root and in standard deviations of the difference, that counts as a weak difference.

    Half / twice: -0.72 / +2.01; at 512x384, which counts, two scenes a motion, by 2.4 -0.25 and by 3.6 -0.54.
    """
    grow_px: int = 4
    """Ghosts grow by this much: the soft edge of a moving thing differs by less than noise.

    Half / twice: +1.16 / -0.78. At 384x256, which counts, two scenes a motion lose 0.07 dB by 3 and 0.10 by 2.
    """
    firm: float = 1.3
    """Factor of a ghost's soft rim: a straight one is rejected whole from 0.7 pixels inside of it on.

    Half / twice: -0.89 / -0.34.
    """
    smallest_px: int = 9
    """Fewer connected pixels than this are noise. Half / twice: 0 / 0."""


CONSISTENCY = ConsistencySettings()
