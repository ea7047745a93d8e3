def fahrenheit(celsius):
    """Degrees Fahrenheit."""
    return celsius * 5 / 9 + 32
