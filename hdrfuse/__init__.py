"""Ghost-free HDR images from bracketed photos of moving scenes."""

__version__ = "0.1.0"
