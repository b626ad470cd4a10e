"""Periodic checks of what the site depends on, each recorded as a probe."""
