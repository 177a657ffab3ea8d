"""Pages for people: the docs of every environment, always the newest published ones."""
