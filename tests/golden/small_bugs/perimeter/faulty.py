def perimeter(width, height):
    """The length of a rectangle's border."""
    return width + height
