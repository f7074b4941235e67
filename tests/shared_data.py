"""Data that lie beside the checkout, where they are at hand: too large to be committed."""

from pathlib import Path

DATA = Path(__file__).parents[2] / "shared" / "data"

STACKS = DATA / "stacks"
"""Brackets of real cameras, a folder each."""

STACK_NAMES = sorted(path.name for path in STACKS.iterdir() if path.is_dir()) if STACKS.is_dir() else []
