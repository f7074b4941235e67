"""Pages to look through: one self-contained HTML file for a batch, one for an evaluation."""
