def order(items):
    return list(items)
