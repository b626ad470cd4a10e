"""Pages of the team: invitations, one's own profile, members, audit trail."""
