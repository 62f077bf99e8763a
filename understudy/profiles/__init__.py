"""What reference samples look like, and how they are read: alike for whoever counts and reviews."""
