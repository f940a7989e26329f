"""Documents of curves and rates instruments: parsed, valued by the kernels, answered. Nothing is stored."""
