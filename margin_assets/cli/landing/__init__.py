"""Verbs of what lands: feeds, files tried and mapped, the quarantine.

Files are written to a landing place and read by the code that a session reads them with; no table
is written.
"""
