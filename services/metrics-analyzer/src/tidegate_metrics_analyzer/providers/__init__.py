"""The metric providers that come with the analyzer, found by the same entry points as anybody else's."""
