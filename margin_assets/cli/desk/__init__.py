"""Verbs of the desk: calls, limits, plans, notices, the page.

They read a sealed cycle, and what a person does is landed as an act by `margin_assets/desk`.
"""
