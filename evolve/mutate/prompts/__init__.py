"""What a model is asked: the templates, and what fills them."""
