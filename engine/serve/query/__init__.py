"""What is asked of records: lists, one of them, figures, the past, and why. Each question is one statement."""
