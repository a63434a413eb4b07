"""What the finishing steps cost while a video is made."""
