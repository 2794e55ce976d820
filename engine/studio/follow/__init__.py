"""What comes after a change: what is owed to records is settled, and whoever serves takes the new one over."""
