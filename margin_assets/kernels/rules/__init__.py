"""Numbers of the rules as typed values that a compiled loop can read, by the day they are in force.

Here belongs what turns a rulebook into numbers, and what the calendar makes of a rule's days: due
dates, last days, times of expiry. The numbers themselves and their citations are in `rulebooks`.
"""
