"""What papers published: the rows that stand beside ours.

Hu, Yan, Qi & Zhang, "Generating Content for HDR Deghosting from Frequency View" (LF-Diff, CVPR 2024), tables 1 to 4;
AFUNet (ICCV 2025) and SAFNet (ECCV 2024) by their own papers. The same method moves by up to 0.5 dB between papers.
"""

from hdrfuse.evaluation.results import Metric

METRICS: tuple[Metric, ...] = (
    Metric(name="PSNR-mu", unit="dB", decimals=2),
    Metric(name="PSNR-L", unit="dB", decimals=2),
    Metric(name="SSIM-mu", unit="", decimals=4),
    Metric(name="SSIM-L", unit="", decimals=4),
    Metric(name="HDR-VDP-2", unit="", decimals=2),
)
"""The papers' five."""

TABLE_1: dict[str, dict[str, tuple[float, ...]]] = {
    "kalantari": {
        "Sen": (40.95, 38.31, 0.9805, 0.9726, 55.72),
        "Hu13": (32.19, 30.84, 0.9716, 0.9506, 55.25),
        "Kalantari": (42.74, 41.22, 0.9877, 0.9848, 60.51),
        "DHDR": (41.64, 40.91, 0.9869, 0.9858, 60.50),
        "AHDR": (43.62, 41.03, 0.9900, 0.9862, 62.30),
        "NHDRR": (42.41, 41.08, 0.9887, 0.9861, 61.21),
        "HDRGAN": (43.92, 41.57, 0.9905, 0.9865, 65.45),
        "APNT": (43.94, 41.61, 0.9898, 0.9879, 64.05),
        "CA-ViT": (44.32, 42.18, 0.9916, 0.9884, 66.03),
        "HyHDR": (44.64, 42.47, 0.9915, 0.9894, 66.05),
        "DiffHDR": (44.11, 41.73, 0.9911, 0.9885, 65.52),
        "LF-Diff": (44.76, 42.59, 0.9919, 0.9906, 66.54),
        "SAFNet": (44.66, 43.18, 0.9932, 0.9917, 66.93),
        "AFUNet": (44.91, 42.59, 0.9923, 0.9906, 66.75),
    },
    "hu": {
        "Sen": (31.48, 33.58, 0.9531, 0.9634, 66.39),
        "Hu13": (36.56, 36.94, 0.9824, 0.9877, 67.58),
        "Kalantari": (41.60, 43.76, 0.9914, 0.9938, 72.94),
        "DHDR": (41.13, 41.20, 0.9870, 0.9941, 70.82),
        "AHDR": (45.76, 49.22, 0.9956, 0.9980, 75.04),
        "NHDRR": (45.15, 48.75, 0.9956, 0.9981, 74.86),
        "HDRGAN": (45.86, 49.14, 0.9945, 0.9989, 75.19),
        "APNT": (46.41, 47.97, 0.9953, 0.9986, 73.06),
        "ADNet": (46.79, 50.38, 0.9908, 0.9987, 76.21),
        "CA-ViT": (48.10, 51.17, 0.9947, 0.9989, 77.12),
        "HyHDR": (48.46, 51.91, 0.9959, 0.9991, 77.24),
        "LF-Diff": (48.74, 52.10, 0.9968, 0.9993, 77.35),
    },
}
"""By data set and method: the values of METRICS, means over its test scenes."""

TABLE_2: dict[str, tuple[float | None, float]] = {
    "Sen (CPU)": (None, 61.81),
    "Hu13 (CPU)": (None, 79.77),
    "Kalantari": (0.30, 29.14),
    "AHDR": (1.24, 0.30),
    "NHDRR": (38.10, 0.31),
    "HDRGAN": (2.56, 0.29),
    "APNT": (37.98, 2.62),
    "CA-ViT": (1.22, 5.34),
    "DiffHDR": (74.99, 7.53),
    "LF-Diff": (7.48, 0.72),
}
"""Millions of parameters and seconds for 1000 x 1500 pixels on an NVIDIA A100."""

TABLE_3: dict[str, tuple[str, float, float, float]] = {
    "baseline": ("baseline", 5.09, 44.23, 42.19),
    "stage1": ("stage 1 with ground truth", 5.24, 50.42, 50.89),
    "split": ("split training", 7.48, 41.93, 39.30),
    "direct": ("stage 2 without diffusion", 5.85, 44.45, 42.35),
    "stage2": ("stage 2", 7.48, 44.76, 42.59),
}
"""By the objective of training: name of the row, millions of parameters, PSNR-mu and PSNR-L on Kalantari's test set."""

TABLE_4: dict[int, tuple[float, float, float, float, float]] = {
    5: (39.76, 41.33, 0.9819, 0.9878, 0.049),
    10: (44.76, 42.59, 0.9919, 0.9906, 0.106),
    20: (44.73, 42.54, 0.9919, 0.9906, 0.208),
    50: (44.66, 42.45, 0.9919, 0.9906, 0.479),
    100: (44.65, 42.44, 0.9919, 0.9906, 0.971),
}
"""By sampling steps: PSNR-mu, PSNR-L, SSIM-mu, SSIM-L on Kalantari's test set, seconds of the diffusion alone."""
