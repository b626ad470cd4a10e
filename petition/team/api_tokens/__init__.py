"""Tokens of API clients: scopes, making and ending them, and the check of each request."""
