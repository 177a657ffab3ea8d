"""The commands of the front: its server, its tokens and its certificates."""
