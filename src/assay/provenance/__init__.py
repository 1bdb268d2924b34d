"""What the five components are, how they are digested and compared; pure."""
