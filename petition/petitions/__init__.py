"""What people sign: an open letter or a petition, in several languages, with a state, a goal and an exact count."""
