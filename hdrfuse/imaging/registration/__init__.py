"""Registration: the motion of the camera between the frames, and its undoing."""
