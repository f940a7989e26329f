"""Questions of others: limits on them, processes that answer them, the endpoint of BI tools."""
