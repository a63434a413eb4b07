"""How well the lag between lips and sound is measured."""
