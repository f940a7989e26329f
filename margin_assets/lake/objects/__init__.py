"""Raw bytes on a folder or on S3, and how a store is reached: its clients, and patience with it.

An object is put once, and replaced only by who has seen what it holds. Nothing here knows a table;
what a step may wait comes from the rulebooks of `lake`.
"""
