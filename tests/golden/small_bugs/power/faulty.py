def power(base, exponent):
    """The base multiplied by itself, exponent times."""
    result = 1
    for _ in range(exponent):
        result += base
    return result
