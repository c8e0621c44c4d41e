"""This app beside what a Django developer would use instead: ``python -m benchmarks.peers``."""
