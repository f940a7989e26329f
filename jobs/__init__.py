"""What is launched together."""
