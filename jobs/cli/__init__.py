"""What can be done from a terminal? What the command ``stepstream`` knows."""
