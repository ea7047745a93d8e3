def shift(items):
    """The items with the first one at the end."""
    return items[1:] + items[1:2]
