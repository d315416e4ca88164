"""What is refused: hyper-parameters, and a user's arrays."""
