"""Verbs of a lake as a whole: made, watched, audited, served.

Storage is known to `margin_assets/lake` alone; here are its answers in words.
"""
