"""What the session knows between cycles: accounts and what they hold, symbols and their prices.

Here belongs state and the arrays that landed rows become; nothing here decides.
"""
