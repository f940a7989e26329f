"""Pure functions of margin: typed frames and the book in, typed frames out. No I/O, no clock.

The rooms stand in the order of `docs/architecture.md` and import downwards only: a contract says
so. They read the rulebooks and the schemas, and nothing else of the project.
"""
