"""Who calls, and with what right: clients, grants, tokens, and the guard before every data path."""
