"""What may be done unasked, and what only with the person's word."""
