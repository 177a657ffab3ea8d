"""The front's OpenAPI document: a table of operations, and the document that is made of it."""
