"""Documents of curves and rates instruments: parsed, valued, answered. Nothing is stored."""
