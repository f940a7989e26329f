"""The lake: the only code that touches storage."""
