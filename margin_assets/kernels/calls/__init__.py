"""Margin calls with a life: what is owed, by when, under which rule, and what met it.

What calls is decided elsewhere: by the ladder, Regulation T, intraday margin and day trading. Here
their demands become calls, one of a type an account, and every change a version. Rules: deadlines
of `timelines`, the firm's own policy of `calls`.
"""
