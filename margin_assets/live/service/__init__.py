"""A session as a service: who is active, who stands by, what is told of it, and its audit copy.

Here belongs what keeps one of several processes at work on a lake on S3. A lease says who, its
epoch in the ledger's log makes sure of it; neither decides a number.
"""
