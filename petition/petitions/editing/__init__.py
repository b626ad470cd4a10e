"""Change a petition: its form, its file, what changes and what that means for whoever signed."""
