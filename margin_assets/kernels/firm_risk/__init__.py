"""The whole firm over its accounts: scenarios, names and issuers, limits on both.

Here belongs what sums or ranks the figures of many accounts; what one account requires belongs to
`margin`. Rules: FINRA's expectations of portfolio margin, and the house's own limits.
"""
