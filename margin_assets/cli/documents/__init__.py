"""Verbs that answer a document or a file and store nothing; rulebooks.

Documents are parsed in `whatif`, `valuation` and `crif`. Adopting a rulebook is the one thing that
is kept, by `margin_assets/desk/adopting.py`.
"""
