"""What people offer to land: examples to start from, and their own files through a mapping.

What comes of it is a landing file like any other; columns and their bounds are those of `schemas`.
"""
