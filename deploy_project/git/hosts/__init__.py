"""What the APIs of hosting sites know of pull requests, and what is told to them."""
