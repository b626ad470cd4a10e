"""SMTP: the connection that a worker keeps open, the conversation on it, and what its replies mean."""
