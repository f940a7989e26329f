"""Tables of the desk: what people did, margin calls, liquidation plans, messages."""
