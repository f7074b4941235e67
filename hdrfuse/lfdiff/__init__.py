"""LF-Diff, the network: torch in, torch out; it knows nothing of image files or commands."""
