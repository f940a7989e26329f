"""Messages from elsewhere become landed files, and nothing else: by HTTP, and from Kafka.

It reads no table and writes none; what a row means, and whether it counts, the next cycle decides.
"""
