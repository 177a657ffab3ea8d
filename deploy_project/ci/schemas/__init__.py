"""The schemas that a pull request's run may write: guard and ledger."""
