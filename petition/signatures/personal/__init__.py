"""What signers do with their own signatures and data, and the emails that they ask for."""
