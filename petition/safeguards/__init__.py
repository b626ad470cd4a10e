"""Protection against abuse: rate limits, honeypot, canonical email addresses, networks of IP addresses."""
