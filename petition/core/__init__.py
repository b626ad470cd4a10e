"""What every feature stands on, and which knows nothing of petitions."""
