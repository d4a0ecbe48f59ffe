"""What is done to expressions before, and to values after, they are lowered."""
