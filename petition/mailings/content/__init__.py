"""The content of a mailing: placeholders, Markdown to HTML and to text."""
