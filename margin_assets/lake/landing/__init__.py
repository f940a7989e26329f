"""From landed files to typed rows and quarantined rows.

Here belongs looking at the landing folder, keeping its bytes, and cutting plans; `reading` knows
files and no storage. Rules: the row rules of `schemas`, and bounds of the rulebook of the lake.
"""
