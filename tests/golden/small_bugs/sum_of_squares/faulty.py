def sum_of_squares(numbers):
    """The sum of the squares of all numbers."""
    total = 0
    for number in numbers:
        total = number * number
    return total
