"""Training: stages, losses, checkpoints, the loop."""
