"""Verbs of the avalanche: a book run, asked, told and audited.

Answers are those of `margin_assets/avalanche`; here they are printed, or written where asked.
"""
