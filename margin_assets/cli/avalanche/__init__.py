"""Verbs of the avalanche."""
