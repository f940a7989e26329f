"""What people offer to land: examples to start from, and their own files through a mapping."""
