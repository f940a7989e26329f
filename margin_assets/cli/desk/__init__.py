"""Verbs of the desk: calls, limits, plans, notices, the page."""
