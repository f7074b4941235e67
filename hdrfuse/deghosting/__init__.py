"""Deghosting: methods that make one radiance map of a bracket whose scene moved."""
