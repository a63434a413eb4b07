"""What the face does besides the lips: the director, the strength settings, and motion files."""
