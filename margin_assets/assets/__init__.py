"""Tables as software-defined assets, one module a group."""
