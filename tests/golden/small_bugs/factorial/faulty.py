def factorial(n):
    """The product of the numbers from 1 to n."""
    product = 1
    for factor in range(1, n):
        product *= factor
    return product
