"""Pages of mailings: unsubscribe and public archive; the team's list, form, preview and sending."""
