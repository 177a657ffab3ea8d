"""The part of deploy.yaml that is about the front: its tokens."""
