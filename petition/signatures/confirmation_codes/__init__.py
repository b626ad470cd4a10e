"""Confirm by a code that is typed instead of by the link."""
