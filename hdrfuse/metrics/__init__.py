"""How close a merged radiance comes to the truth: `f(image, reference)` on (H, W, 3), a score out."""

from hdrfuse.metrics.hdrvdp2 import hdrvdp2
from hdrfuse.metrics.psnr import psnr_l, psnr_mu
from hdrfuse.metrics.pu21 import pu21_psnr, pu21_ssim
from hdrfuse.metrics.ssim import ssim_l, ssim_mu

__all__ = ["hdrvdp2", "psnr_l", "psnr_mu", "pu21_psnr", "pu21_ssim", "ssim_l", "ssim_mu"]
