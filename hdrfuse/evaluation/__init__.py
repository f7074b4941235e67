"""How close merged brackets come to the truth of a data set: the papers' metrics and tables."""
