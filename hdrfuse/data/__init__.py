"""Scenes with known radiance, and the brackets made from them."""
