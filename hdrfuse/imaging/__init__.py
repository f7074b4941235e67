"""The physics of a bracket: numpy float32 (H, W, 3), linear unless a name says otherwise."""
