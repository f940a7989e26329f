"""Ways by which messages leave the house; each takes a message whole or says why not.

A channel may use the network, and what it was given to do so: no table, no environment, and no
secret or address in what it says.
"""

from margin_assets.desk.notices.channels.channel import Channel, NotDelivered

__all__ = ["Channel", "NotDelivered"]
