"""What the face does besides the lips: the director, and the strength settings."""
