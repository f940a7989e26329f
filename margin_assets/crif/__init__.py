"""CRIF files: read, put through the kernels of initial margin, answered portfolio by portfolio."""
