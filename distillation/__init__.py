"""Training: the autoencoder, the identity encoder, the teacher, and the probe that scores them."""
