"""The report of a run: one HTML file with its pictures in it, that loads nothing from anywhere.

It knows told figures, never how they were computed.
"""
