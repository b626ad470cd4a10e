"""The people who run a campaign: their accounts, what each may do, and a record of what each did."""
