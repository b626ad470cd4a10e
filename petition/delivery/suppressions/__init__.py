"""The suppression list: addresses that are never mailed again."""
