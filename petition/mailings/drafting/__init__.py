"""Write a mailing: its form, its file, what it can start from, its checks and test emails."""
