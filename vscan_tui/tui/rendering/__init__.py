"""What is known as lines of text with a meaning; pure, and without colours."""
