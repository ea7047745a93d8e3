import os


def greet(name):
    print(f"hello {name}")


def leave(name):
    print("bye", name)
