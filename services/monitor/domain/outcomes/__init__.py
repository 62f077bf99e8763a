"""What came true: answers joined with labels, counted by cohort, read as quality."""
