"""What calls are paid from within the hour: sources in their order, forced sales, payments."""
