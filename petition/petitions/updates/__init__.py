"""What a campaign tells after its letter: updates, the answer, the outcome; its timeline and its feed."""
