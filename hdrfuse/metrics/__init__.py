"""How close a merged radiance comes to the truth."""

from hdrfuse.metrics.psnr import psnr_l, psnr_mu

__all__ = ["psnr_l", "psnr_mu"]
