def first_item(items):
    """The first item of a list."""
    return items[1]
