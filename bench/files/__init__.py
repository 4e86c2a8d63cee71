"""What is read from outside and what is written for good."""
