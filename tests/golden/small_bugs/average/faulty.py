def average(numbers):
    """The mean of the numbers; 0 for none."""
    if not numbers:
        return 0
    return sum(numbers) / (len(numbers) + 1)
