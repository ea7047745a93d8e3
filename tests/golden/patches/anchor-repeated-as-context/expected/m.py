import os


def greet(name):
    print("hello", name)


def leave(name):
    print("farewell", name)
