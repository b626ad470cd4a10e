"""The processes that work: heartbeats, pings, and the leases of those that died."""
