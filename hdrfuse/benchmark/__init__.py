"""How fast and how good: measured on generated photographs, beside OpenCV, on the machine at hand."""
