"""Verbs of a lake as a whole: made, watched, audited, served."""
