"""A camera model: from a scene's radiance to the JPEG files that a camera writes of it."""
