"""The operators' view: is mail flowing, if not why, and what to do about it.

The `deliveries` table is the truth. What changes in it is tallied by the database itself, so that every figure is exact
and costs the same with five million rows; the broker is only looked at to see whether rings get through.
"""
