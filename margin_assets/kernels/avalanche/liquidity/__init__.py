"""What calls are paid from within the hour: sources in their order, forced sales, payments.

Compiled parts of the hourly loop, over arrays of `platform`; what a source may give is the book's.
"""
