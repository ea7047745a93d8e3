def count_positive(numbers):
    """How many of the numbers are greater than zero."""
    count = 0
    for number in numbers:
        if number < 0:
            count += 1
    return count
