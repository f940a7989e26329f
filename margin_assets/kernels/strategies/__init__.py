"""Options and stock of one class group, grouped to the least requirement that the rule permits.

Here belong the groups there are, what each requires, and the search for the least. Rules: FINRA
4210(f)(2) and 220.12 of Regulation T.
"""
