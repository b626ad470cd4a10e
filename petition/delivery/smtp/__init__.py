"""SMTP: the connection that a worker's thread keeps open, the client, and what replies mean."""
