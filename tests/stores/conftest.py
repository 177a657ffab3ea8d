from tests.support.s3 import store

__all__ = ["store"]
