"""House overlays: what the firm charges on top of the regulatory requirement, one row a charge.

Rules: the rulebook `overlays`. An overlay is a function over exposures, added to the table of them.

Others use:
    overlays: expected_range_stress, house_addons, house_initial, house_totals
"""
