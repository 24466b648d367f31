"""Looking into a training run: gradients, derivatives, one batch, the learning rate, divergence."""
