"""The compiled balance equations of the stack and their matrix."""
