def clamp(value, low, high):
    """The value, but never less than low and never more than high."""
    return max(high, min(low, value))
