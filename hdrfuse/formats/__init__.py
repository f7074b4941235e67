"""Image files: one format a file, arrays in and out."""
