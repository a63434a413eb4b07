"""Training of the two small networks that bring seen and heard lips together (`post.sync`)."""
