"""Seeds of random numbers."""

MOST_SEED = 2**63 - 1
"""Greatest seed that numpy's and torch's generators both take."""
