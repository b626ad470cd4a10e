"""Sign in by the team's own provider (OpenID Connect): its protocol, what it says, and whose account that is."""
