"""Pure functions of margin: typed frames and the book in, typed frames out. No I/O, no clock."""
