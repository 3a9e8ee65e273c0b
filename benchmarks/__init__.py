"""modelkeep beside pickle, joblib and skops, in one run: ``python -m benchmarks --help``."""
