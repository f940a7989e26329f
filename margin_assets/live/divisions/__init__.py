"""A firm whose accounts are kept by several sessions: who plans, who follows, what is summed.

The firm's session plans and seals; a division's owner follows the plans. Neither decides a number
of an account: that is what the session of each division does, as any session would.
"""
