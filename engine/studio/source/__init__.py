"""What a system is made of as text: found, read, compiled, laid over, switched; who is who in two of them."""
