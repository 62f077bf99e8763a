"""Models at work: rows in, figures out, as the registry tries them and serving asks them."""
