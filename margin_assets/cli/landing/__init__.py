"""Verbs of what lands: feeds, files tried and mapped, the quarantine."""
