"""Small public data sets in the layouts in which they are distributed, written without hdrfuse."""

from dataclasses import dataclass

import cv2
import numpy as np
import tifffile

SPLITS = {"training": "Training", "test": "Test"}
EVS = (-2.0, 0.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a scene's files hold."""

    codes: np.ndarray
    """(3, H, W, 3) uint8 or uint16, RGB: short, reference, long."""
    radiance: np.ndarray
    """(H, W, 3) float32, exact in RGBE."""

    @property
    def ldr(self):
        return self.codes.astype(np.float32) / np.float32(np.iinfo(self.codes.dtype).max)


def kalantari(split, scene):
    return [f"{split}/{scene}/262A{number:04d}.tif" for number in (898, 899, 900)], *in_folder(split, scene)


def kalantari_by_name(split, scene):
    return [f"{split}/{scene}/{name}.tif" for name in ("short", "medium", "long")], *in_folder(split, scene)


def hu(split, scene):
    frames = [f"{split}/{scene}/input_{number}_aligned.tif" for number in (1, 2, 3)]
    return frames, f"{split}/{scene}/input_exp.txt", f"{split}/{scene}/ref_hdr_aligned_linear.hdr"


def tel(split, scene):
    return [f"{split}/{scene}/input_{number}.tif" for number in (1, 2, 3)], *in_folder(split, scene)


def challenge123(split, scene):
    frames = [f"{split}/{scene}_{number}/ldr_img_{number}.tif" for number in (1, 2, 3)]
    return frames, f"{split}/{scene}_2/exposure.txt", f"{split}/{scene}_2/hdr_img.hdr"


def in_folder(split, scene):
    return f"{split}/{scene}/exposure.txt", f"{split}/{scene}/HDRImg.hdr"


LAYOUTS = {"kalantari": kalantari, "hu": hu, "tel": tel, "challenge123": challenge123}
"""(folder of the split, scene) -> paths of frames, exposures and ground truth."""

SCENES = {
    "kalantari": ["001", "BarbequeDay"],
    "hu": ["086", "087"],
    "tel": ["scene_0007_2", "scene_0042_3"],
    "challenge123": ["002", "011"],
}


def write_set(folder, name, *, split="Test", scenes=None, size=(24, 40)):
    """Write some scenes of a set -> what each holds, by name."""
    places = {scene: LAYOUTS[name](split, scene) for scene in scenes or SCENES[name]}
    depth = np.uint8 if name == "hu" else np.uint16
    return {
        scene: write_scene(folder, *place, seed=i, size=size, depth=depth)
        for i, (scene, place) in enumerate(places.items())
    }


def write_scene(folder, frames, exposures, truth, *, seed=0, size=(24, 40), depth=np.uint16):
    """Write one scene to the given paths -> what it holds."""
    rng = np.random.default_rng(seed)
    mantissas = rng.integers(0, 256, (*size, 3))
    mantissas[..., 0] |= 128  # so that the red channel sets every pixel's exponent
    radiance = (mantissas / 256).astype(np.float32)
    white = np.iinfo(depth).max
    signal = np.clip(radiance * np.array([1, 4, 16], np.float32)[:, None, None, None], 0, 1)
    codes = np.round(signal ** (1 / 2.2) * white).astype(depth)
    for path in (*frames, exposures, truth):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for path, frame in zip(frames, codes, strict=True):
        tifffile.imwrite(folder / path, frame, photometric="rgb")
    (folder / exposures).write_text("-2.00\n0.00\n2.00\n")
    cv2.imwrite(str(folder / truth), radiance[..., ::-1])
    return Written(codes=codes, radiance=radiance)


def truncate(path):
    """Cut the second half of a file off."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
