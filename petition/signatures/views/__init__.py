"""Pages of signatures: sign and confirm, the personal page, and the desk's pages."""
