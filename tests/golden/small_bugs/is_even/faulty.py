def is_even(number):
    """Whether a number is even."""
    return number % 2 == 1
