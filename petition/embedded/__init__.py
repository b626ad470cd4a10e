"""Engines and mailbox for one machine.

`petition up` (supervisor) starts PostgreSQL, Valkey and a mailbox that keeps every email, then the web processes and
the workers; one Ctrl-C stops it all. Nothing here is needed in production, where the engines have addresses of
their own.
"""
