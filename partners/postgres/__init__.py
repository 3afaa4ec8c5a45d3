"""How PostgreSQL is reached: roles and engines, deadlines, locks, partitions, and statements that are rendered once."""
