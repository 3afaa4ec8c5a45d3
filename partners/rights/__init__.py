"""Members' rights: their requests and due dates, what an erasure does, and how long anything is kept."""
