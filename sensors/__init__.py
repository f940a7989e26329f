"""What launches by itself."""
