"""What `python -m benchmarks NAME` runs: each module is one comparison or one measurement."""
