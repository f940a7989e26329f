"""Questions in SQL, read-only, at the versions that one sealed cycle pinned.

Statements are hostile: what is no single SELECT over the lake's tables is refused.
"""
