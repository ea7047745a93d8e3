"""What is fast and what is not: programs that measure two things in one run and print ratios.

No test asserts a time; see README.md for what each program does and what it found.
"""
