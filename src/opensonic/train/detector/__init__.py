"""Training of the face detector: data, network, loss, training loop, export, evaluation."""
