"""Orders before they are traded: what an account would come to, and which rule refuses them.

Only the figures of other rooms are compared here; no requirement has a formula of its own.

Others use:
    check: Check, check
    legs: Held, Legs, book_of_both
    reasons: Against, DayTrading, Reason
    scene: Scene
    sides: Side
"""
