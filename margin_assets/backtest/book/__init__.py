"""Books of accounts: drawn from tempers, or as a lake's fills tell them."""
