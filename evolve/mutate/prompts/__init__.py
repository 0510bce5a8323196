"""What a model is asked: the templates, and what is told in them."""
