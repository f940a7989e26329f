"""What runs came to: as rows of tables, as one document, in a lake."""
