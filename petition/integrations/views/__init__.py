"""Pages of the desk about tokens and webhooks, and what failed for operators."""
