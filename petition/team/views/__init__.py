"""Views of the team's pages: profile, invitations, members, audit trail."""
