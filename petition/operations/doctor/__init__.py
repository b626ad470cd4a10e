"""`petition doctor` and `/ops/doctor`: check a set-up, and say for each point what is wrong, why, and what to do."""
