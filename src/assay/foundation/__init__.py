"""The ground floor: errors, digests, seed streams, files, clock and registry."""
