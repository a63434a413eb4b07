"""A gallery of one fixed set of renders of every portrait, and what is measured on them."""
