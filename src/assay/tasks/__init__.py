"""Task cards, suites, the test vault and the ledger of assessments."""
