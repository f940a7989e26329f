"""What happens to a position beside trades: splits, dividends, mergers, new symbols.

Pure functions of opening balances, fills as they stand and actions, in the order of event time.
What comes in order acts on what is held; what comes late is worked out again from all rows of the
position, and the difference is an effect. No rule here takes a price from a market.
"""
