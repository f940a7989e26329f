"""What a desk does: acts of people, which land as rows like any other."""
