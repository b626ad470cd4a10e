"""Signing in with Flask-Security: password and one-time code, or passkey. Its settings, and what we change in it."""
