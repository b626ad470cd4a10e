"""The API for tokens: what the desk can do, with the scope for it."""
