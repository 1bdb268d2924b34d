"""Comparison of implementations: whether two networks, training steps or search strategies are the same."""
