"""Training runs as data, the program that they compile to, and what comes back."""
