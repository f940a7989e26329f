"""How far ahead what is pending is kept."""

RING = 128
"""Hours; every lag lies below it, with two days to spare for cut-offs and delays."""
