"""People who sign in for a partner: accounts, passwords, one-time codes, sessions."""
