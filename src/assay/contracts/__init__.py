"""What the rooms promise each other: spaces, strategies, evaluations, cards, seals."""
