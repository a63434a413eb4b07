"""The face in a picture: detector, 478-point mesh, and the portrait made ready."""
