"""The dashboard: what a desk looks at, served over HTTP on loopback.

Here belongs what a page shows, asks and does; never a number of its own. Figures come from the
file that a live session publishes, else from the tables of the last sealed cycle; what a person
does is landed as a row of `desk_actions`, and no table is ever written.
"""
