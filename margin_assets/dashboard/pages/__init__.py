"""A module a page: what it shows of the lake that is followed, as plain rows.

Rows come from sealed tables and the figures published beside them; no page computes a requirement.
"""
