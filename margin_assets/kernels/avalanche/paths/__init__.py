"""The hourly loop over blocks of sixteen paths, in compiled parts; arrays hold paths last.

It takes a platform, a scenario and a seed, and gives the same bits on any number of threads.
"""
