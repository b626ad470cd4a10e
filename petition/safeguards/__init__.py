"""What stands between a form and abuse: limits, traps, and one person behind one address."""
