"""Merging: one radiance map from registered frames, ghosts rejected."""
