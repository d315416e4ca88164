"""A layer under examination: what the gradient checker and the laws of the test kit stand on."""
