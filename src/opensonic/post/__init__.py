"""What is done to frames after an engine has made them."""
