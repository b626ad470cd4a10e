"""Pages of mailings: unsubscribe and archive, and the desk's list, editor, preview and sending."""
